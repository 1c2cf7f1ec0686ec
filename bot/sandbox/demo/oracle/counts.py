"""What the page counts: results that are pending or late, messages that stand twice, and the check made of them."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.sandbox.demo.oracle.answers import UserRequest, VisibleReply, count_duplicate_replies
from bot.sandbox.demo.oracle.asks import EffectiveCommands, UserCommand, direct_messages, user_commands
from bot.sandbox.demo.oracle.check import ALL_CHANNELS, DeliveryCheck, color
from bot.sandbox.demo.oracle.posts import ChannelPosts
from bot.sandbox.demo.oracle.wanted import FinishedJob, is_expected
from bot.sandbox.openai.api.state import FINAL
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import Channel

RECOVERY_SECONDS = 90.0
"""Seconds that a bot may wait after an outage until it tries again: its longest backoff is a minute."""


class DeliveryCounts:
    """Counts what happened between two stand-ins. What was said once is read once, however much it is."""

    def __init__(self, slack: Slack, api: FineTuningApi, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take both sides, and a clock that only goes on."""
        self._slack, self._api, self._ages = slack, api, monotonic
        self._posts: dict[str, ChannelPosts] = {}
        self._check = DeliveryCheck()
        self._posted = self._entries_read = 0
        self._answers_read = (0, 0, 0)
        self._answers_doubled = 0

    def current(self, broken: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Return every number and the check.

        Args:
            broken: what is broken on purpose, by name, with the seconds that the bot may wait after it ends.
        """
        channels = {each.id: each for each in self._slack.workspace.channels.values()}
        for channel in channels.values():
            self._posts.setdefault(channel.id, ChannelPosts()).read(channel)
        pending = sorted(self._pending(channels))
        closed = {each.id: RECOVERY_SECONDS for each in channels.values() if not each.bot_is_member or each.is_archived}
        everywhere = {ALL_CHANNELS: max(broken.values())} if broken else {}
        counts = {name: posts.count for name, posts in self._posts.items()}
        late = self._check.update(self._ages(), pending, counts, outages=closed | everywhere)
        twice = self._doubled()
        complaints = list(self._slack.violations)
        is_red = {"late": len(late), "doubled": twice, "complaints": len(complaints)}
        return {
            "requests": len(self._slack.request_log) + len(self._api.request_log),
            "posted": self._count_posted(),
            "pending": len(pending),
            "late": len(late),
            "doubled": twice,
            "complaints": complaints,
            "errors": list(self._slack.errors),
            "check": color(pending=len(pending), is_broken=bool(broken), **is_red),
        }

    def _count_posted(self) -> int:
        new = self._slack.request_log.after(self._entries_read)
        self._entries_read += len(new)
        self._posted += sum(entry.endpoint == "chat.postMessage" and entry.accepted for entry in new)
        return self._posted

    def _pending(self, channels: Mapping[str, Channel]) -> Iterator[tuple[str, str]]:
        """Yield the channel and the job of each result that people wait for, and that does not stand there."""
        finished = list(self._finished())
        asks = EffectiveCommands(
            self._slack.workspace.replies, self._posts, direct_messages(channels.values())
        ).by_channel(self._asks())
        for name, posts in self._posts.items():
            here = asks.get(name, [])
            for job in finished if here or posts.cards else ():
                cards = posts.cards.get(job.id, [])
                if not posts.has_result(job.id, job.status) and is_expected(
                    job, here, cards, self._slack.workspace.clock()
                ):
                    yield name, job.id

    def _finished(self) -> Iterator[FinishedJob]:
        jobs = self._api.jobs
        for job_id, ends in self._api.ends.items():
            job = jobs.get(job_id)
            if job and job["status"] in FINAL:
                created, model = float(job.get("created_at") or 0), job.get("model") or ""
                yield FinishedJob(job_id, job["status"], ends[-1].at, created, model, job.get("metadata") or {})

    def _asks(self) -> Iterator[UserCommand]:
        return user_commands(self._slack.interactions)

    def _doubled(self) -> int:
        ends = Counter((job_id, end.status) for job_id, ends in self._api.ends.items() for end in ends)
        return sum(posts.count_duplicates(ends) for posts in self._posts.values()) + self._doubled_answers()

    def _doubled_answers(self) -> int:
        replies, exchanges = self._slack.workspace.replies, self._slack.interactions
        loose = [message for posts in self._posts.values() for message in posts.without_metadata]
        state = (len(replies), len(exchanges), len(loose))
        if state != self._answers_read:
            self._answers_read = state
            answers = [*map(_posted, loose), *(answer for each in replies if (answer := _shown(each)))]
            self._answers_doubled = count_duplicate_replies(_questions(self._slack), answers)
        return self._answers_doubled


def _questions(slack: Slack) -> Iterator[UserRequest]:
    for exchange in slack.interactions:
        if exchange.delivered:
            _, payload = exchange.delivered
            channel = payload.get("channel_id") or (payload.get("channel") or {}).get("id") or ""
            used = [(each.get("action_id"), each.get("value")) for each in payload.get("actions", ())]
            words = payload.get("text") or used or payload.get("callback_id")
            yield UserRequest(exchange.id, exchange.at, exchange.user, str(channel), str(words))


def _posted(message: ChannelMessage) -> VisibleReply:
    return VisibleReply(message.ts, float(message.ts), message.channel, message.text)


def _shown(reply: SentReply) -> VisibleReply | None:
    """Return a reply as somebody sees it, None where nobody does."""
    shown = reply.displayed
    if shown is None or shown.deleted:
        return None
    person = reply.user if reply.ephemeral else ""
    return VisibleReply(shown.ts, float(shown.ts), shown.channel, reply.text, person, reply.interaction_id)
