"""What the page counts: what was posted, doubled, and not told yet. Each line is read once, however many there are."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.sandbox.messages import Message
from bot.sandbox.openai_api.state import FINAL
from bot.sandbox.stage import Stage
from bot.sandbox.workspace import BOT_USER, Channel

_ENDS = {"succeeded": "Succeeded", "failed": "Failed", "cancelled": "Cancelled"}
_WORD = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class _Read:
    """What a message of the bot says of jobs."""

    state: object
    words: frozenset[str]
    """Of its text: the ids of jobs are among them."""
    told: frozenset[tuple[str, str]]
    """Words of its lines, each with an end that its line tells: of an alert, a digest, or a card of a job that was over."""
    name: str | None
    """What it calls itself, by its metadata."""


class Counts:
    """Counts what happened on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._reads: dict[str, _Read] = {}
        self._posted = self._counted = 0

    def now(self) -> dict[str, Any]:
        """Return every number."""
        slack, api = self._stage.slack, self._stage.api
        self._posted += sum(
            entry.what == "chat.postMessage" and entry.accepted for entry in slack.ledger.after(self._counted)
        )
        self._counted = len(slack.ledger)
        channels = list({channel.id: channel for channel in slack.workspace.channels.values()}.values())
        reads = {channel.id: list(self._read(channel)) for channel in channels}
        names = Counter(read.name for each in reads.values() for read in each if read.name is not None)
        return {
            "requests": len(slack.ledger) + len(api.ledger),
            "posted": self._posted,
            "doubled": sum(count - 1 for count in names.values()),
            "untold": sum(self._untold(each) for each in reads.values()),
            "complaints": list(slack.complaints),
            "errors": list(slack.errors),
        }

    def _untold(self, reads: list[_Read]) -> int:
        """Count the ends of jobs that a channel names and was not told of yet."""
        words, told = (
            set[str]().union(*(read.words for read in reads)),
            set[tuple[str, str]]().union(*(read.told for read in reads)),
        )
        jobs = self._stage.api.jobs
        ended = (job for job in words & jobs.keys() if jobs[job]["status"] in FINAL)
        return sum((job, _ENDS[jobs[job]["status"]]) not in told for job in ended)

    def _read(self, channel: Channel) -> Iterator[_Read]:
        for message in channel.messages:
            if message.user == BOT_USER:
                known, state = self._reads.get(message.ts), (message.text, message.blocks, len(message.edited))
                if known is None or known.state != state:
                    known = self._reads[message.ts] = _read(message, state)
                yield known


def _read(message: Message, state: object) -> _Read:
    told = {
        (word, end)
        for line in message.plain.splitlines()
        for end in _ENDS.values()
        if f"*{end}*" in line
        for word in _WORD.findall(line)
    }
    name = str(message.metadata.get("event_payload")) if message.metadata else None
    return _Read(state, frozenset(_WORD.findall(message.text)), frozenset(told), name)
