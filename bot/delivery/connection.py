"""Slack connection check: calls ``auth.test`` once a minute, records outages, and announces when they end."""

from collections.abc import Callable

import structlog

from bot.blocks.notice import NoticeKind
from bot.net.connection_errors import connection_problem
from bot.runtime.clock import Clock
from bot.runtime.loops import Loop
from bot.slack.call import SlackCallError, call
from bot.slack.client import SlackClient
from bot.slack.identity import BotIdentity
from bot.slack.signature import MAX_CLOCK_SKEW
from bot.store import Store
from bot.store.accounts.outages import SLACK
from bot.store.db.wakeups import Queue
from bot.tracking.notices import Notices

CHECK_SECONDS = 60.0
RETRY_SECONDS = 5.0
"""Seconds between checks, while Slack is up and while it is down."""
NOTIFY_AFTER = 60.0
"""Minimum length of an outage whose end is announced, in seconds."""

log = structlog.get_logger()


class SlackConnection:
    """Health of the connection to Slack. Nothing else waits for it."""

    def __init__(
        self,
        slack: SlackClient,
        store: Store,
        notices: Notices,
        *,
        clock: Clock,
        interval: float = CHECK_SECONDS,
        retry_interval: float = RETRY_SECONDS,
    ) -> None:
        self.identity: BotIdentity | None = None
        """The bot's identity; None before the first successful check."""
        self.is_up = False
        """Whether the last check succeeded."""
        self._slack = slack
        self._outage = _Outage(store, notices, clock)
        self._clock_skew = _ClockSkew(clock)
        self._interval = interval
        self._retry_interval = retry_interval

    @property
    def is_clock_skewed(self) -> bool:
        """Whether our clock is so far off that Slack's requests would look stale; as of the last successful check."""
        return self._clock_skew.is_too_large

    async def run(self, on_identity: Callable[[], None] = lambda: None) -> None:
        """Check until the task is canceled; ``on_identity`` is called whenever Slack has said who the bot is."""

        async def check() -> float:
            await self._check(on_identity)
            return self._interval if self.is_up else self._retry_interval

        await Loop("connection", check, retry_after=self._retry_interval).run()

    async def _check(self, on_identity: Callable[[], None]) -> None:
        try:
            identity = await call(self._slack.identity())
        except SlackCallError as error:
            problem = connection_problem(error)
            self.is_up = False
            await self._outage.begin(problem.message if problem else str(error))
        else:
            self.identity = identity
            on_identity()
            await self._mark_up(identity)
            self._clock_skew.update(await self._slack.now())

    async def _mark_up(self, identity: BotIdentity) -> None:
        if self.is_up:
            return
        await self._outage.end()
        log.info("slack.connected", team=identity.team, bot_id=identity.bot_id)
        self.is_up = True


class _Outage:
    """An outage of Slack, from the first failed check to the next successful one."""

    def __init__(self, store: Store, notices: Notices, clock: Clock) -> None:
        self._store = store
        self._notices = notices
        self._clock = clock
        self._is_logged = False
        self._is_stored = False

    async def begin(self, error: str) -> None:
        """Log and store the begin of an outage, once."""
        if not self._is_logged:
            log.error("slack.unreachable", error=error)
        self._is_logged = True
        if not self._is_stored:
            async with self._store.db.transaction() as tx:
                await self._store.accounts.outages.begin(tx, SLACK, error)
            self._is_stored = True

    async def end(self) -> None:
        """Store the end of an outage, if there was one, and announce it if it was long."""
        async with self._store.db.transaction() as tx:
            outage = await self._store.accounts.outages.end(tx, SLACK)
            if outage:
                tx.wakes(Queue.DELIVERIES)
                late = await self._store.accounts.outages.count_pending_alerts(tx)
                until = max(outage.since, self._clock())
                log.info("slack.recovered", lasted=round(until - outage.since), late=late)
                if until - outage.since >= NOTIFY_AFTER:
                    people = await self._store.channels.tracks.people(tx)
                    facts = {"since": outage.since, "until": until, "late": float(late)}
                    enqueue = self._notices.enqueue
                    kind = NoticeKind.SLACK_RECOVERED
                    await enqueue(tx, kind, SLACK, began_at=outage.since, people=people, **facts)
        self._is_logged = self._is_stored = False


class _ClockSkew:
    """Clock skew: if it is too large, every request of Slack over HTTP fails its signature check."""

    def __init__(self, clock: Clock) -> None:
        self.is_too_large = False
        self._clock = clock

    def update(self, slack_time: float) -> None:
        """Compare our clock with Slack's, and log when the skew becomes too large or small again."""
        skew = self._clock() - slack_time
        is_too_large = abs(skew) > MAX_CLOCK_SKEW
        if is_too_large and not self.is_too_large:
            log.error("slack.clock_skewed", seconds_ahead=round(skew), limit=MAX_CLOCK_SKEW)
        elif self.is_too_large and not is_too_large:
            log.info("slack.clock_recovered")
        self.is_too_large = is_too_large
