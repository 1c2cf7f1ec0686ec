"""Delivery counts of the page: pending and late results, duplicates, violations, and the check's color."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.sandbox.demo.job_servers import JobServers
from bot.sandbox.demo.oracle.channel_posts import ChannelPosts
from bot.sandbox.demo.oracle.delivery_check import ALL_CHANNELS, DeliveryCheck, color
from bot.sandbox.demo.oracle.duplicate_replies import UserRequest, VisibleReply, count_duplicate_replies
from bot.sandbox.demo.oracle.expected import FinishedJob, is_expected
from bot.sandbox.demo.oracle.user_commands import EffectiveCommands, UserCommand, direct_messages, user_commands
from bot.sandbox.openai.api.job_store import FINAL
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import Channel

RECOVERY_SECONDS = 90.0
"""Seconds that a bot may wait after an outage until it retries: its longest backoff is a minute."""


class DeliveryCounts:
    """Counts deliveries between the stand-ins, incrementally: each message is read once."""

    def __init__(self, slack: Slack, servers: JobServers, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Count from the state of the stand-ins, with a monotonic clock for the check."""
        self._slack, self._servers, self._monotonic = slack, servers, monotonic
        self._posts: dict[str, ChannelPosts] = {}
        self._check = DeliveryCheck()
        self._posted = self._requests_read = 0
        self._replies_read = (0, 0, 0)
        self._duplicate_replies = 0

    def current(self, outages: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Return every count and the check's color, as JSON.

        Args:
            outages: deliberate outages by name, with the seconds that the bot may need to recover afterwards.
        """
        channels = {each.id: each for each in self._slack.workspace.channels.values()}
        for channel in channels.values():
            self._posts.setdefault(channel.id, ChannelPosts()).read(channel)
        pending = sorted(self._pending(channels))
        closed = {each.id: RECOVERY_SECONDS for each in channels.values() if not each.bot_is_member or each.is_archived}
        all_channels = {ALL_CHANNELS: max(outages.values())} if outages else {}
        counts = {name: posts.count for name, posts in self._posts.items()}
        late = self._check.update(self._monotonic(), pending, counts, outages=closed | all_channels)
        duplicates = self._count_duplicates()
        violations = list(self._slack.violations)
        problems = {"late": len(late), "duplicates": duplicates, "violations": len(violations)}
        return {
            "requests": len(self._slack.request_log) + sum(map(len, self._servers.request_logs.values())),
            "posted": self._count_posted(),
            "pending": len(pending),
            "late": len(late),
            "duplicates": duplicates,
            "violations": violations,
            "errors": list(self._slack.errors),
            "check": color(pending=len(pending), is_broken=bool(outages), **problems),
        }

    def _count_posted(self) -> int:
        new = self._slack.request_log.after(self._requests_read)
        self._requests_read += len(new)
        self._posted += sum(request.endpoint == "chat.postMessage" and request.accepted for request in new)
        return self._posted

    def _pending(self, channels: Mapping[str, Channel]) -> Iterator[tuple[str, str]]:
        """Yield (channel, job id) of each expected result that was not posted."""
        finished = list(self._finished())
        commands = EffectiveCommands(
            self._slack.workspace.replies, self._posts, direct_messages(channels.values()), dict(self._names())
        ).by_channel(self._commands())
        for name, posts in self._posts.items():
            in_channel = commands.get(name, [])
            for job in finished if in_channel or posts.cards else ():
                cards = posts.cards.get(job.id, [])
                is_posted = any(posts.has_result(each, job.status) for each in (job.id, job.own_id))
                if not is_posted and is_expected(job, in_channel, cards, self._slack.workspace.clock()):
                    yield name, job.id

    def _finished(self) -> Iterator[FinishedJob]:
        for job_id, job, ends in self._servers.ends():
            if job.get("status") in FINAL:
                created, model = float(job.get("created_at") or 0), job.get("model") or ""
                yield FinishedJob(
                    job_id, job["status"], ends[-1].at, created, model, job.get("metadata") or {}, own_id=job["id"]
                )

    def _names(self) -> Iterator[tuple[str, str]]:
        """Yield the id and the name of each job that has one."""
        for job_id, job in self._servers.jobs().items():
            name = (job.get("metadata") or {}).get("name") or job.get("user_provided_suffix")
            if name:
                yield job_id, str(name)

    def _commands(self) -> Iterator[UserCommand]:
        return user_commands(self._slack.interactions)

    def _count_duplicates(self) -> int:
        ends = Counter((job_id, end.status) for job_id, _, ends in self._servers.ends() for end in ends)
        return sum(posts.count_duplicates(ends) for posts in self._posts.values()) + self._count_duplicate_replies()

    def _count_duplicate_replies(self) -> int:
        replies, interactions = self._slack.workspace.replies, self._slack.interactions
        unattributed = [message for posts in self._posts.values() for message in posts.without_metadata]
        state = (len(replies), len(interactions), len(unattributed))
        if state != self._replies_read:
            self._replies_read = state
            visible = [
                *map(_reply_from_message, unattributed),
                *(reply for each in replies if (reply := _reply_from_sent(each))),
            ]
            self._duplicate_replies = count_duplicate_replies(_user_requests(self._slack), visible)
        return self._duplicate_replies


def _user_requests(slack: Slack) -> Iterator[UserRequest]:
    for interaction in slack.interactions:
        kind, payload = interaction.delivered or ("", {})
        if kind in ("slash_commands", "interactive"):
            channel = payload.get("channel_id") or (payload.get("channel") or {}).get("id") or ""
            used = [(each.get("action_id"), each.get("value")) for each in payload.get("actions", ())]
            text = payload.get("text") or used or payload.get("callback_id")
            yield UserRequest(interaction.id, interaction.at, interaction.user, str(channel), str(text))


def _reply_from_message(message: ChannelMessage) -> VisibleReply:
    return VisibleReply(message.ts, float(message.ts), message.channel, message.text)


def _reply_from_sent(reply: SentReply) -> VisibleReply | None:
    """Return a reply as it is visible, None if it is not."""
    displayed = reply.displayed
    if displayed is None or displayed.deleted:
        return None
    user = reply.user if reply.ephemeral else ""
    return VisibleReply(displayed.ts, float(displayed.ts), displayed.channel, reply.text, user, reply.interaction_id)
