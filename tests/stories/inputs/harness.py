"""Captures the effects of one bad input, and checks what holds for every input."""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, replace

from structlog.testing import capture_logs

from bot.app.bot import Bot
from bot.blocks import Message
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import SentReply
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel
from bot.store.actions.audit import AuditEntry, AuditRow
from tests.blocks.rendered import CHANNEL, PERSON, active_markup, invisible_characters, markup_texts
from tests.canaries import CANARY
from tests.world import World

HOUR = "3600"
CONFIRM = "ftjob_confirm"
LIST = "GET /fine_tuning/jobs"
RETRIEVE = "GET /fine_tuning/jobs/{id}"
CANCEL = "POST /fine_tuning/jobs/{id}/cancel"
MOST_SAID = 300
MAX_ROWS = 100
WRITING = ("response_url", "chat.postMessage", "chat.postEphemeral", "chat.update")


@dataclass
class Captured:
    """The reply, requests, audit entries and log lines that one user action caused."""

    reply: SentReply
    requests: list[str]
    """What was asked of the API for it."""
    audit: list[AuditEntry]
    """The rows that it left, oldest first."""
    log: str
    """All that was logged meanwhile."""

    @property
    def decisions(self) -> list[str]:
        """What the audit says became of it."""
        return [entry.decision.value for entry in self.audit]


@dataclass
class RunningBot:
    """A world with the bot running in it, for all rows of a module."""

    world: World
    bot: Bot

    async def command(
        self, text: str, *, by: SandboxUser | None = None, channel: Channel | None = None, names: Iterable[str] = ()
    ) -> Captured:
        """Send ``/ftjob <text>`` as a user (by default Olivia), escaped as Slack does."""
        person, place = by or self.world.olivia, channel or self.world.ml
        return await self.capture(person.command(text, place), names=names)

    async def raw_command(self, text: str) -> Captured:
        """Send a command that Slack did not escape."""
        workspace = self.world.slack.workspace
        escaping = workspace.app
        workspace.app = replace(escaping, commands=dict.fromkeys(escaping.commands, False))
        try:
            return await self.command(text)
        finally:
            workspace.app = escaping

    async def capture(
        self, doing: Awaitable[UserInteraction], *, seconds: float = 5, names: Iterable[str] = ()
    ) -> Captured:
        """Return what came of something, once it holds to what every row has to; ``names`` may be mentioned."""
        world = self.world
        asked, written, rows = len(world.api.request_log), len(world.slack.request_log), await self._newest()
        with capture_logs() as log:
            exchange = await doing
            assert exchange.acked, exchange.error
            reply = await exchange.reply(seconds=seconds)
            requests = [entry.endpoint for entry in world.api.request_log][asked:]
            assert "I track fine-tuning jobs" in (await world.say("help", by="milo")).plain_text, "the bot lives"
        assert exchange.acked
        assert [line for line in log if line["log_level"] in ("error", "critical")] == []
        assert CANARY not in repr(log)
        self.assert_harmless(written, frozenset(names))
        last = rows[0].id if rows else 0
        audit = [row.entry for row in reversed(await self._newest()) if row.id > last]
        return Captured(reply, requests, audit, repr(log))

    async def _newest(self) -> list[AuditRow]:
        return await self.bot.store.actions.audit.newest(MAX_ROWS)

    async def poll(self) -> None:
        """Poll an hour after the last poll, and wait until nothing is pending."""
        written = len(self.world.slack.request_log)
        self.world.skip(float(HOUR))
        await self.bot.pollers["default"].poll()
        async with asyncio.timeout(300):
            while await self.bot.store.outbox.deliveries.seconds_to_next() is not None:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        self.assert_harmless(written, frozenset({self.world.olivia.id}))

    async def status_of(self, job: str) -> str:
        """Return what is stored of a job."""
        known = await self.bot.store.jobs.states.find("default", job)
        assert known
        return known.state.status

    def assert_harmless(self, since: int, names: frozenset[str]) -> None:
        """Check that nothing written has active markup, invisible characters or unfurled links."""
        for entry in list(self.world.slack.request_log)[since:]:
            if entry.endpoint not in WRITING:
                continue
            message = Message(entry.request.get("text", ""), entry.request.get("blocks", []))
            # A card names who tracks its job, whenever it is edited.
            known = names | {self.world.olivia.id} if entry.endpoint == "chat.update" else names
            for markup in markup_texts(message):
                assert active_markup(_with_known_names(markup, known)) == [], markup
            assert invisible_characters(message) == []
            assert "link_names" not in entry.request
            assert entry.request.get("parse", "none") == "none"
            assert entry.request.get("unfurl_links") is not True
            assert entry.request.get("unfurl_media") is not True


def _with_known_names(markup: str, names: frozenset[str]) -> str:
    for name in names:
        markup = markup.replace(f"<@{name}>", f"<@{PERSON}>").replace(f"<#{name}>", f"<#{CHANNEL}>")
    return markup


def assert_usage(captured: Captured, *, raw: str = "") -> None:
    """Check an answer to what is no command: short, one example, seen by one person; nothing was asked or logged."""
    said = captured.reply.text.removeprefix(":warning: ")
    assert captured.reply.ephemeral
    assert captured.reply.text.startswith(":warning: ")
    assert len(said) <= MOST_SAID
    assert said.count("/ftjob ") == (2 if "Usage: " in said else 1)
    assert captured.reply.buttons == {}
    assert captured.requests == []
    assert captured.audit == []
    assert not raw or repr(raw)[1:-1] not in captured.log
