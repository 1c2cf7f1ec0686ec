"""What the page counts: results that are pending or late, messages that stand twice, and the check made of them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.sandbox.demo.oracle.answers import Answer, Question, doubled
from bot.sandbox.demo.oracle.asks import Ask, Confirmed, asks_of, direct_messages
from bot.sandbox.demo.oracle.check import EVERYWHERE, Check, color
from bot.sandbox.demo.oracle.posts import Posts
from bot.sandbox.demo.oracle.wanted import Finished, is_wanted
from bot.sandbox.openai.api.state import FINAL
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.slack.messages import Message, Reply
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import Channel

RECOVERS = 90.0
"""Seconds that a bot may wait after an outage until it tries again: its longest backoff is a minute."""


class Counts:
    """Counts what happened between two stand-ins. What was said once is read once, however much it is."""

    def __init__(self, slack: Slack, api: FineTuningApi, *, ages: Callable[[], float] = time.monotonic) -> None:
        """Take both sides, and a clock that only goes on."""
        self._slack, self._api, self._ages = slack, api, ages
        self._posts: dict[str, Posts] = {}
        self._check = Check()
        self._posted = self._entries_read = 0
        self._answers_read = (0, 0, 0)
        self._answers_doubled = 0

    def now(self, broken: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Return every number and the check.

        Args:
            broken: what is broken on purpose, by name, with the seconds that the bot may wait after it ends.
        """
        channels = {each.id: each for each in self._slack.workspace.channels.values()}
        for channel in channels.values():
            self._posts.setdefault(channel.id, Posts()).read(channel)
        pending = sorted(self._pending(channels))
        closed = {each.id: RECOVERS for each in channels.values() if not each.bot_is_member or each.is_archived}
        everywhere = {EVERYWHERE: max(broken.values())} if broken else {}
        counts = {name: posts.count for name, posts in self._posts.items()}
        late = self._check.look(self._ages(), pending, counts, broken=closed | everywhere)
        twice = self._doubled()
        complaints = list(self._slack.complaints)
        is_red = {"late": len(late), "doubled": twice, "complaints": len(complaints)}
        return {
            "requests": len(self._slack.ledger) + len(self._api.ledger),
            "posted": self._count_posted(),
            "pending": len(pending),
            "late": len(late),
            "doubled": twice,
            "complaints": complaints,
            "errors": list(self._slack.errors),
            "check": color(pending=len(pending), is_broken=bool(broken), **is_red),
        }

    def _count_posted(self) -> int:
        new = self._slack.ledger.after(self._entries_read)
        self._entries_read += len(new)
        self._posted += sum(entry.what == "chat.postMessage" and entry.accepted for entry in new)
        return self._posted

    def _pending(self, channels: Mapping[str, Channel]) -> Iterator[tuple[str, str]]:
        """Yield the channel and the job of each result that people wait for, and that does not stand there."""
        finished = list(self._finished())
        asks = Confirmed(self._slack.workspace.replies, self._posts, direct_messages(channels.values())).of(
            self._asks()
        )
        for name, posts in self._posts.items():
            here = asks.get(name, [])
            for job in finished if here or posts.cards else ():
                cards = posts.cards.get(job.id, [])
                if not posts.tells(job.id, job.status) and is_wanted(job, here, cards, self._slack.workspace.clock()):
                    yield name, job.id

    def _finished(self) -> Iterator[Finished]:
        jobs = self._api.jobs
        for job_id, ends in self._api.ends.items():
            job = jobs.get(job_id)
            if job and job["status"] in FINAL:
                created, model = float(job.get("created_at") or 0), job.get("model") or ""
                yield Finished(job_id, job["status"], ends[-1].at, created, model, job.get("metadata") or {})

    def _asks(self) -> Iterator[Ask]:
        return asks_of(self._slack.exchanges)

    def _doubled(self) -> int:
        ends = Counter((job_id, end.status) for job_id, ends in self._api.ends.items() for end in ends)
        return sum(posts.doubled(ends) for posts in self._posts.values()) + self._doubled_answers()

    def _doubled_answers(self) -> int:
        replies, exchanges = self._slack.workspace.replies, self._slack.exchanges
        loose = [message for posts in self._posts.values() for message in posts.unkeyed]
        state = (len(replies), len(exchanges), len(loose))
        if state != self._answers_read:
            self._answers_read = state
            answers = [*map(_posted, loose), *(answer for each in replies if (answer := _shown(each)))]
            self._answers_doubled = doubled(_questions(self._slack), answers)
        return self._answers_doubled


def _questions(slack: Slack) -> Iterator[Question]:
    for exchange in slack.exchanges:
        if exchange.sent:
            _, payload = exchange.sent
            channel = payload.get("channel_id") or (payload.get("channel") or {}).get("id") or ""
            used = [(each.get("action_id"), each.get("value")) for each in payload.get("actions", ())]
            words = payload.get("text") or used or payload.get("callback_id")
            yield Question(exchange.id, exchange.at, exchange.user, str(channel), str(words))


def _posted(message: Message) -> Answer:
    return Answer(message.ts, float(message.ts), message.channel, message.text)


def _shown(reply: Reply) -> Answer | None:
    """Return a reply as somebody sees it, None where nobody does."""
    shown = reply.shown
    if shown is None or shown.deleted:
        return None
    person = reply.user if reply.ephemeral else ""
    return Answer(shown.ts, float(shown.ts), shown.channel, reply.text, person, reply.exchange)
