"""What the bot posted: whose results each message told when it came, and what stands twice."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from bot.sandbox.slack.messages import ChannelMessage, interactive_elements
from bot.sandbox.slack.workspace import BOT_USER, Channel

STATUS_LABELS: Mapping[str, str] = {"succeeded": "Succeeded", "failed": "Failed", "cancelled": "Cancelled"}
"""How a message says in bold that a job is over, by status."""
_BOLD = {f"*{word}*": status for status, word in STATUS_LABELS.items()}
_ID = re.compile(r"[\w-]{6,}", re.ASCII)
_FOLLOWED = ("ftjob_untrack", "ftjob_track")
"""The buttons that the card of a job has, and no other message of a channel."""


@dataclass
class ChannelPosts:
    """What the bot said in one channel. Each message is read once, as it first came: an edit notifies nobody."""

    results: dict[tuple[str, str], list[ChannelMessage]] = field(default_factory=dict)
    """The alerts and digests that told the end of a job, by its id and status."""
    cards: dict[str, list[float]] = field(default_factory=dict)
    """When the cards of each job were posted."""
    results_on_cards: set[tuple[str, str]] = field(default_factory=set)
    """Jobs, with their status, whose card showed when it was posted that they were over."""
    by_metadata: dict[str, list[ChannelMessage]] = field(default_factory=dict)
    """Messages by what each calls itself in its metadata."""
    attributed: list[ChannelMessage] = field(default_factory=list)
    """Messages that begin with who did something."""
    without_metadata: list[ChannelMessage] = field(default_factory=list)
    """Public answers to what somebody asked."""
    count: int = 0
    """Messages of the bot so far."""
    _read: int = 0

    def read(self, channel: Channel) -> None:
        """Take in what came since the last time."""
        for message in islice(channel.history.values(), self._read, None):
            self._read += 1
            if message.user == BOT_USER:
                self.count += 1
                self._take(message)

    def has_result(self, job_id: str, status: str) -> bool:
        """Whether people were told that a job ended so."""
        return (job_id, status) in self.results or (job_id, status) in self.results_on_cards

    def count_duplicates(self, ends: Mapping[tuple[str, str], int]) -> int:
        """Return how many messages stand there that had been told already.

        Args:
            ends: how often each job ended in each status.
        """
        same = [_standing(each) for each in self.by_metadata.values() if len(each) > 1]
        count = sum(max(0, len(each) - 1) for each in same)
        for end, times in ends.items():
            tellings = {str(each.metadata) for each in _standing(self.results.get(end, ()))}
            count += max(0, len(tellings) - times)
        return count

    def _take(self, message: ChannelMessage) -> None:
        first = message.earlier_versions[0] if message.earlier_versions else message
        if message.metadata is None:
            self.without_metadata.append(message)
            return
        self.by_metadata.setdefault(str(message.metadata.get("event_payload")), []).append(message)
        if first.text.startswith("<@") and not first.thread_ts:
            self.attributed.append(message)
        job = _card_of(first)
        if job:
            self.cards.setdefault(job, []).append(float(message.ts))
        for end in _ends_in(first):
            if job:
                self.results_on_cards.add(end)
            else:
                self.results.setdefault(end, []).append(message)


def _standing(messages: Iterable[ChannelMessage]) -> list[ChannelMessage]:
    return [message for message in messages if not message.deleted]


def _card_of(message: ChannelMessage) -> str | None:
    """Return the job whose card a message is, None where it is none."""
    if message.thread_ts:
        return None
    values = (each.get("value") for _, each in interactive_elements(message.blocks) if each["action_id"] in _FOLLOWED)
    return next(values, None)


def _ends_in(message: ChannelMessage) -> Iterator[tuple[str, str]]:
    """Yield the jobs, with their status, whose end a message tells: each on a line of its own."""
    found = {
        (job, status)
        for line in message.plain_text.splitlines()
        for bold, status in _BOLD.items()
        if bold in line
        for job in _ID.findall(line)
    }
    yield from sorted(found)
