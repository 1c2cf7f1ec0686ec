"""Handler of Events API events and Home tabs: nobody gets a reply, but channels and tabs change."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from bot.blocks.notice import NoticeKind
from bot.commands.services import Services
from bot.listeners.deduplication import Deduplication
from bot.listeners.events import EarlyEvents, changed_channel_id, joined_channel, reopened_channel
from bot.listeners.home import HomeTabs
from bot.listeners.lookup import PersonLookup
from bot.runtime.background import BackgroundTasks
from bot.slack.errors import SHARED_CHANNEL

MOVE_RETRY_SECONDS = 5.0
"""Seconds between attempts to change a channel's id in the store."""

log = structlog.get_logger()


class EventHandler:
    """Welcomes channels, requeues what was parked for them, follows their new ids, and publishes Home tabs."""

    def __init__(
        self,
        services: Services,
        home_tabs: HomeTabs,
        people: PersonLookup,
        deduplication: Deduplication,
        tasks: BackgroundTasks,
    ) -> None:
        self._services = services
        self._home_tabs = home_tabs
        self._people = people
        self._deduplication = deduplication
        self._tasks = tasks
        self._early_events = EarlyEvents()

    def handle(self, body: dict[str, Any]) -> None:
        """Handle an event, if it concerns the bot."""
        us = self._people.bot_identity()
        if joined := joined_channel(body):
            if us is None:
                self._early_events.add_join(*joined)
            elif joined[0] == us.user_id:
                self._tasks.start(self._welcome(joined[1]))
        if reopened := reopened_channel(body, us.user_id if us else None):
            self._tasks.start(self._channel_reopened(reopened, body))
        if moved := changed_channel_id(body):
            self._tasks.start(self._channel_moved(*moved))

    def identified(self) -> None:
        """Handle the events that arrived before Slack identified the bot."""
        if us := self._people.bot_identity():
            channels, viewers = self._early_events.drain(us.user_id)
            for channel in channels:
                self._tasks.start(self._welcome(channel))
            if viewers:
                self._tasks.start(self.show_homes(viewers))

    async def show_homes(self, viewers: Sequence[str]) -> None:
        """Publish people's Home tabs, one after the other."""
        for viewer in viewers:
            # If the bot is identified while the tab is rendered, render it again.
            if not await self._home_tabs.show(viewer) and not (
                self._people.bot_identity() and await self._home_tabs.show(viewer)
            ):
                self._early_events.add_home_view(viewer)

    async def _welcome(self, channel: str) -> None:
        """Enqueue the welcome message of a channel, unless jobs are tracked there or it is shared externally."""
        if await self._services.slack.posting_error(channel) == SHARED_CHANNEL:
            return
        store = self._services.store
        async with store.db.transaction() as tx:
            if not await store.channels.tracks.people_in(tx, channel):
                await store.outbox.deliveries.enqueue_notice(
                    tx, channel, {"kind": NoticeKind.WELCOME, "about": channel}, "welcome"
                )

    async def _channel_reopened(self, channel: str, body: dict[str, Any]) -> None:
        """Requeue the parked deliveries of a channel that the bot can post to again."""
        if await self._deduplication.is_duplicate("event", body.get("event_id")):
            return
        count = await self._services.store.outbox.dead_letters.unpark_channel(channel)
        if count:
            log.info("channel.reopened", channel=channel, deliveries=count)

    async def _channel_moved(self, old: str, new: str) -> None:
        """Move a channel's rows to its new id. Slack sends this event once, so retry until the store succeeds."""
        waiting = await _retried(lambda: self._services.store.channels.moves.move(old, new), old=old, new=new)
        log.info("channel.id_changed", old=old, new=new, deliveries=waiting)
        await self._services.notices.check_ops_channel()


async def _retried(move: Callable[[], Awaitable[int]], *, old: str, new: str) -> int:
    while True:
        try:
            return await move()
        except Exception:
            log.exception("channel.id_change_failed", old=old, new=new)
            await asyncio.sleep(MOVE_RETRY_SECONDS)
