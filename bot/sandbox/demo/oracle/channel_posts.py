"""The bot's posts in a channel: the results that each one reported, and duplicates."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import BOT_USER, Channel

_RESULT = re.compile(
    r":[\w+-]+: \*(?P<name>[^*]*)\*(?: \([^)]*\))?(?: ·| is new:)? (?:was )?(?P<word>succeeded|failed|canceled)\b",
    re.ASCII,
)
"""A line that reports a job's result: of an alert, a digest or a card."""
_STATUS_BY_WORD = {"succeeded": "succeeded", "failed": "failed", "canceled": "cancelled"}
_PAGE_OF_JOB = re.compile(r"<https?://[^|>]*/(?P<id>[\w.-]+)\|")
"""The link of a job's name in a digest."""
_CARD_BUTTONS = ("ftjob_untrack", "ftjob_track")
_RESULT_BUTTON = "ftjob_details"


@dataclass
class ChannelPosts:
    """The bot's posts in one channel. Each message is read once, in its first version: an edit notifies no one."""

    results: dict[tuple[str, str], list[ChannelMessage]] = field(default_factory=dict)
    """Alerts and digests that reported a result, by job id and status."""
    cards: dict[str, list[float]] = field(default_factory=dict)
    """Times at which cards were posted, by job id."""
    results_on_cards: set[tuple[str, str]] = field(default_factory=set)
    """(job id, status) of cards that showed a final status when they were posted."""
    by_metadata: dict[str, list[ChannelMessage]] = field(default_factory=dict)
    """Messages by the event payload of their metadata."""
    attributed: list[ChannelMessage] = field(default_factory=list)
    """Messages outside threads that begin with the mention of a user."""
    without_metadata: list[ChannelMessage] = field(default_factory=list)
    """Public replies to commands."""
    count: int = 0
    """Number of the bot's messages so far."""
    _read: int = 0

    def read(self, channel: Channel) -> None:
        """Read the messages that are new since the last call."""
        for message in islice(channel.history.values(), self._read, None):
            self._read += 1
            if message.user == BOT_USER:
                self.count += 1
                self._classify(message)

    def has_result(self, job_id: str, status: str) -> bool:
        """Whether a job's result with this status was posted."""
        return (job_id, status) in self.results or (job_id, status) in self.results_on_cards

    def count_duplicates(self, end_counts: Mapping[tuple[str, str], int]) -> int:
        """Return the number of duplicate messages.

        Args:
            end_counts: how often each job ended in each status, by (job id, status).
        """
        groups = [_not_deleted(each) for each in self.by_metadata.values() if len(each) > 1]
        count = sum(max(0, len(each) - 1) for each in groups)
        for end, times in end_counts.items():
            distinct = {str(each.metadata) for each in _not_deleted(self.results.get(end, ()))}
            count += max(0, len(distinct) - times)
        return count

    def _classify(self, message: ChannelMessage) -> None:
        first = message.earlier_versions[0] if message.earlier_versions else message
        if message.metadata is None:
            self.without_metadata.append(message)
            return
        self.by_metadata.setdefault(str(message.metadata.get("event_payload")), []).append(message)
        if first.text.startswith("<@") and not first.thread_ts:
            self.attributed.append(message)
        job = _job_of_card(first)
        if job:
            self.cards.setdefault(job, []).append(float(message.ts))
        for end in _results_in(first):
            if job:
                self.results_on_cards.add(end)
            else:
                self.results.setdefault(end, []).append(message)


def _not_deleted(messages: Iterable[ChannelMessage]) -> list[ChannelMessage]:
    return [message for message in messages if not message.deleted]


def _job_of_card(message: ChannelMessage) -> str | None:
    """Return the id of the job whose card a message is, None if it is no card."""
    if message.thread_ts:
        return None
    return next((_job_of(message.buttons[each]) for each in _CARD_BUTTONS if each in message.buttons), None)


def _job_of(value: str) -> str:
    """Return the job's id in a button's value, which its account may follow."""
    return value.partition(" ")[0]


def _results_in(message: ChannelMessage) -> Iterator[tuple[str, str]]:
    """Yield (job id, status) of each result that a message reports, one a line."""
    lines = (_RESULT.match(line) for line in message.plain_text.splitlines())
    found = {
        (
            page["id"]
            if (page := _PAGE_OF_JOB.search(line["name"]))
            else _job_of(message.buttons.get(_RESULT_BUTTON, "")),
            line["word"],
        )
        for line in lines
        if line
    }
    yield from sorted((job, _STATUS_BY_WORD[word]) for job, word in found if job)
