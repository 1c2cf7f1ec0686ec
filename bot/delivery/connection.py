"""Whether Slack answers, and who it says we are: asked once a minute, so that an outage is noticed and its end told."""

import asyncio
from collections.abc import Callable

import structlog

from bot.blocks.notice import NoticeKind
from bot.net.connection_errors import trouble_of
from bot.slack.client import Gateway, Identity
from bot.slack.signature import FRESH_SECONDS
from bot.store import Store
from bot.store.accounts.outages import SLACK
from bot.store.db.engine import Clock
from bot.tracking.notices import Notices

EVERY = 60.0
AGAIN = 5.0
"""Seconds between two questions, while Slack answers and while it does not."""
TELLS_AFTER = 60.0
"""Seconds that an outage lasts before people hear of its end."""

log = structlog.get_logger()


class Presence:
    """Asks Slack who we are, for ever; everything else goes on whatever it says."""

    def __init__(
        self,
        gateway: Gateway,
        store: Store,
        notices: Notices,
        *,
        wake: Callable[[], None],
        identified: Callable[[], None],
        clock: Clock,
        every: float = EVERY,
        again: float = AGAIN,
    ) -> None:
        """Take what it needs; ``identified`` is called whenever Slack has said who we are."""
        self.identity: Identity | None = None
        """Who we are; None until Slack said so once."""
        self.is_up = False
        """Whether Slack answered the last question."""
        self.is_clock_off = False
        """Whether our clock is so far from Slack's that its requests would pass for stale ones; as of the last answer."""
        self._gateway = gateway
        self._store = store
        self._notices = notices
        self._wake = wake
        self._identified = identified
        self._clock = clock
        self._every = every
        self._again = again
        self._is_failing = False
        self._is_noted = False
        """Whether the store knows of the outage."""
        self._is_broken = False

    async def run(self) -> None:
        """Ask until it is cancelled. What the store cannot note is tried again with the next question, logged once."""
        while True:
            try:
                await self._ask()
                self._is_broken = False
            except Exception:
                if not self._is_broken:
                    log.exception("presence.broke")
                self._is_broken = True
            await asyncio.sleep(self._every if self.is_up else self._again)

    async def _ask(self) -> None:
        try:
            identity = await self._gateway.identity()
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            trouble = trouble_of(error)
            await self._went_down(trouble.said if trouble else f"{type(error).__name__}: {error}")
        else:
            await self._came_up(identity)
            await self._compare_clocks()

    async def _went_down(self, error: str) -> None:
        if not self._is_failing:
            log.error("slack.unreachable", error=error)
        self.is_up, self._is_failing = False, True
        if not self._is_noted:
            async with self._store.db.transaction() as tx:
                await self._store.outages.begin(tx, SLACK, error)
            self._is_noted = True

    async def _came_up(self, identity: Identity) -> None:
        self.identity = identity
        self._identified()
        if self.is_up:
            return
        await self._tell_of_end()
        log.info("slack.connected", team=identity.team, bot_id=identity.bot_id)
        self.is_up, self._is_failing, self._is_noted = True, False, False
        self._wake()

    async def _compare_clocks(self) -> None:
        """Say it when our clock is off: over HTTP every request of Slack's is refused then, and nobody else would say why."""
        ahead = self._clock() - await self._gateway.now()
        is_off = abs(ahead) > FRESH_SECONDS
        if is_off and not self.is_clock_off:
            log.error("slack.clock_off", seconds_ahead=round(ahead), most=FRESH_SECONDS)
        elif self.is_clock_off and not is_off:
            log.info("slack.clock_right")
        self.is_clock_off = is_off

    async def _tell_of_end(self) -> None:
        async with self._store.db.transaction() as tx:
            outage = await self._store.outages.end(tx, SLACK)
            if outage is None:
                return
            late = await self._store.outages.waiting(tx)
            until = max(outage.since, self._clock())
            log.info("slack.recovered", lasted=round(until - outage.since), late=late)
            if until - outage.since >= TELLS_AFTER:
                people = await self._store.tracks.people(tx)
                facts = {"since": outage.since, "until": until, "late": float(late)}
                await self._notices.tell(tx, NoticeKind.SLACK_BACK, SLACK, at=outage.since, people=people, **facts)
