"""What came of one bad input, and what holds for every row of the table whatever it is about."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, replace

from structlog.testing import capture_logs

from bot.app.build import Bot
from bot.blocks import Message
from bot.sandbox.slack.exchange import Exchange
from bot.sandbox.slack.messages import Reply
from bot.sandbox.slack.users import Person
from bot.sandbox.slack.workspace import Channel
from bot.store.actions.audit import Entry, Written
from tests.blocks.drawn import CHANNEL, PERSON, alive, marked_up, unseen
from tests.canaries import CANARY
from tests.world import World

HOUR = "3600"
RED = "ftjob_confirm"
LIST = "GET /fine_tuning/jobs"
LOOK = "GET /fine_tuning/jobs/{id}"
ORDER = "POST /fine_tuning/jobs/{id}/cancel"
MOST_ACK_SECONDS = 1.0
"""The table says 250 ms; this is what a busy machine may add."""
MOST_SAID = 300
MOST_ROWS = 100
WRITING = ("response_url", "chat.postMessage", "chat.postEphemeral", "chat.update")


@dataclass
class Heard:
    """What came of one thing that somebody did."""

    reply: Reply
    requests: list[str]
    """What was asked of the API for it."""
    audit: list[Entry]
    """The rows that it left, oldest first."""
    log: str
    """All that was logged meanwhile."""

    @property
    def decisions(self) -> list[str]:
        """What the audit says became of it."""
        return [entry.decision.value for entry in self.audit]


@dataclass
class Town:
    """A world with the bot running in it, for all rows of a module."""

    world: World
    bot: Bot

    async def hears(
        self, text: str, *, by: Person | None = None, channel: Channel | None = None, names: Iterable[str] = ()
    ) -> Heard:
        """Let somebody, Olivia unless told otherwise, type ``/ftjob <text>``, as Slack would send it."""
        person, place = by or self.world.olivia, channel or self.world.ml
        return await self.of(person.command(text, place), names=names)

    async def hears_raw(self, text: str) -> Heard:
        """Let somebody send a text that Slack did not escape."""
        workspace = self.world.slack.workspace
        escaping = workspace.installed
        workspace.installed = replace(escaping, commands=dict.fromkeys(escaping.commands, False))
        try:
            return await self.hears(text)
        finally:
            workspace.installed = escaping

    async def of(self, doing: Awaitable[Exchange], *, seconds: float = 5, names: Iterable[str] = ()) -> Heard:
        """Return what came of something, once it holds to what every row has to; ``names`` may be mentioned."""
        world = self.world
        asked, written, rows = len(world.api.ledger), len(world.slack.ledger), await self._newest()
        with capture_logs() as log:
            exchange = await doing
            assert exchange.acked, exchange.error
            reply = await exchange.reply(seconds=seconds)
            requests = [entry.what for entry in world.api.ledger][asked:]
            assert "I watch fine-tuning jobs" in (await world.say("help", by="milo")).plain, "the bot lives"
        assert exchange.ack_seconds < MOST_ACK_SECONDS
        assert [line for line in log if line["log_level"] in ("error", "critical")] == []
        assert CANARY not in repr(log)
        self.assert_harmless(written, frozenset(names))
        last = rows[0].id if rows else 0
        audit = [row.entry for row in reversed(await self._newest()) if row.id > last]
        return Heard(reply, requests, audit, repr(log))

    async def _newest(self) -> list[Written]:
        return await self.bot.store.audit.newest(MOST_ROWS)

    async def sweeps(self) -> None:
        """Look at the jobs, an hour after the last look, and wait until nobody is owed anything."""
        written = len(self.world.slack.ledger)
        self.world.skip(float(HOUR))
        await self.bot.sweepers["default"].sweep()
        async with asyncio.timeout(60):
            while await self.bot.store.outbox.seconds_to_next() is not None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        self.assert_harmless(written, frozenset({self.world.olivia.id}))

    async def status_of(self, job: str) -> str:
        """Return what is stored of a job."""
        known = await self.bot.store.jobs.known("default", job)
        assert known
        return known.state.status

    def assert_harmless(self, since: int, names: frozenset[str]) -> None:
        """Look through all that was written for what could come alive, be unseen or be unfurled."""
        for entry in list(self.world.slack.ledger)[since:]:
            if entry.what not in WRITING:
                continue
            message = Message(entry.request.get("text", ""), entry.request.get("blocks", []))
            # A card names who tracks its job, whenever it is edited.
            known = names | {self.world.olivia.id} if entry.what == "chat.update" else names
            for markup in marked_up(message):
                assert alive(_with_known_names(markup, known)) == [], markup
            assert unseen(message) == []
            assert "link_names" not in entry.request
            assert entry.request.get("parse", "none") == "none"
            assert entry.request.get("unfurl_links") is not True
            assert entry.request.get("unfurl_media") is not True


def _with_known_names(markup: str, names: frozenset[str]) -> str:
    for name in names:
        markup = markup.replace(f"<@{name}>", f"<@{PERSON}>").replace(f"<#{name}>", f"<#{CHANNEL}>")
    return markup


def assert_usage(heard: Heard, *, raw: str = "") -> None:
    """Check an answer to what is no command: short, one example, seen by one person; nothing was asked or logged."""
    said = heard.reply.text.removeprefix(":warning: ")
    assert heard.reply.ephemeral
    assert heard.reply.text.startswith(":warning: ")
    assert len(said) <= MOST_SAID
    assert said.count("/ftjob ") == (2 if "Usage: " in said else 1)
    assert heard.reply.buttons == {}
    assert heard.requests == []
    assert heard.audit == []
    assert not raw or repr(raw)[1:-1] not in heard.log
