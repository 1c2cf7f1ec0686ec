"""Whether Slack answers, and who it says we are: asked once a minute, so that an outage is noticed and its end told."""

import asyncio
from collections.abc import Callable

import structlog

from bot.blocks.notice import NoticeKind
from bot.net.connection_errors import connection_problem
from bot.slack.client import BotIdentity, SlackClient
from bot.slack.signature import MAX_CLOCK_SKEW
from bot.store import Store
from bot.store.accounts.outages import SLACK
from bot.store.db.engine import Clock
from bot.store.db.wakeups import Queue
from bot.tracking.notices import Notices

CHECK_SECONDS = 60.0
RETRY_SECONDS = 5.0
"""Seconds between two questions, while Slack answers and while it does not."""
NOTIFY_AFTER = 60.0
"""Seconds that an outage lasts before people hear of its end."""

log = structlog.get_logger()


class SlackConnection:
    """Asks Slack who we are, for ever; everything else goes on whatever it says."""

    def __init__(
        self,
        slack: SlackClient,
        store: Store,
        notices: Notices,
        *,
        identified: Callable[[], None],
        clock: Clock,
        interval: float = CHECK_SECONDS,
        retry_interval: float = RETRY_SECONDS,
    ) -> None:
        """Take what it needs; ``identified`` is called whenever Slack has said who we are."""
        self.identity: BotIdentity | None = None
        """Who we are; None until Slack said so once."""
        self.is_up = False
        """Whether Slack answered the last question."""
        self.is_clock_skewed = False
        """Whether our clock is so far from Slack's that its requests would pass for stale ones; as of the last answer."""
        self._slack = slack
        self._store = store
        self._notices = notices
        self._identified = identified
        self._clock = clock
        self._interval = interval
        self._retry_interval = retry_interval
        self._is_failing = False
        self._is_outage_stored = False
        """Whether the store knows of the outage."""
        self._is_broken = False

    async def run(self) -> None:
        """Ask until it is cancelled. What the store cannot note is tried again with the next question, logged once."""
        while True:
            try:
                await self._check()
                self._is_broken = False
            except Exception:
                if not self._is_broken:
                    log.exception("presence.broke")
                self._is_broken = True
            await asyncio.sleep(self._interval if self.is_up else self._retry_interval)

    async def _check(self) -> None:
        try:
            identity = await self._slack.identity()
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            trouble = connection_problem(error)
            await self._mark_down(trouble.message if trouble else f"{type(error).__name__}: {error}")
        else:
            await self._mark_up(identity)
            await self._check_clock()

    async def _mark_down(self, error: str) -> None:
        if not self._is_failing:
            log.error("slack.unreachable", error=error)
        self.is_up, self._is_failing = False, True
        if not self._is_outage_stored:
            async with self._store.db.transaction() as tx:
                await self._store.accounts.outages.begin(tx, SLACK, error)
            self._is_outage_stored = True

    async def _mark_up(self, identity: BotIdentity) -> None:
        self.identity = identity
        self._identified()
        if self.is_up:
            return
        await self._announce_recovery()
        log.info("slack.connected", team=identity.team, bot_id=identity.bot_id)
        self.is_up, self._is_failing, self._is_outage_stored = True, False, False

    async def _check_clock(self) -> None:
        """Say it when our clock is off: over HTTP every request of Slack's is refused then, and nobody else would say why."""
        skew = self._clock() - await self._slack.now()
        is_skewed = abs(skew) > MAX_CLOCK_SKEW
        if is_skewed and not self.is_clock_skewed:
            log.error("slack.clock_off", seconds_ahead=round(skew), most=MAX_CLOCK_SKEW)
        elif self.is_clock_skewed and not is_skewed:
            log.info("slack.clock_right")
        self.is_clock_skewed = is_skewed

    async def _announce_recovery(self) -> None:
        async with self._store.db.transaction() as tx:
            outage = await self._store.accounts.outages.end(tx, SLACK)
            if outage is None:
                return
            tx.wakes(Queue.DELIVERIES)
            late = await self._store.accounts.outages.count_pending_alerts(tx)
            until = max(outage.since, self._clock())
            log.info("slack.recovered", lasted=round(until - outage.since), late=late)
            if until - outage.since >= NOTIFY_AFTER:
                people = await self._store.channels.tracks.people(tx)
                facts = {"since": outage.since, "until": until, "late": float(late)}
                await self._notices.enqueue(
                    tx, NoticeKind.SLACK_RECOVERED, SLACK, began_at=outage.since, people=people, **facts
                )
