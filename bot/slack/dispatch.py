"""From what Slack sent to an answer: the only place that authorises, runs, replies, and reports what went wrong.

An event asks nothing and gets no answer.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from bot.access import Need
from bot.blocks.answers import problem
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.commands.run import run
from bot.errors import UserError
from bot.metrics import SLACK_IDLE
from bot.slack import buttons, slash
from bot.slack.events import reopened_channel
from bot.slack.gateway import Door, Gateway, Identity
from bot.slack.people import People

LAST_SECONDS = 5.0
"""How long a stop waits for answers under way."""

log = structlog.get_logger()


class Dispatch:
    """Runs what was asked as tasks of its own, so that Slack has its acknowledgement at once."""

    def __init__(
        self, context: Context, gateway: Gateway, people: People, identity: Callable[[], Identity | None]
    ) -> None:
        self._context = context
        self._gateway = gateway
        self._people = people
        self._identity = identity
        self._tasks: set[asyncio.Task[None]] = set()

    def slash(self, body: dict[str, Any]) -> None:
        """Start on a typed command."""
        self._start(self._typed(body))

    def button(self, body: dict[str, Any]) -> None:
        """Start on a pressed button."""
        self._start(self._pressed(body))

    def event(self, body: dict[str, Any]) -> None:
        """Start on something that happened."""
        self._start(self._happened(body))

    async def stop(self) -> None:
        """Let answers under way end within a few seconds, then cut them."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*late, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("dispatch.broke", exc_info=error)

    async def _typed(self, body: dict[str, Any]) -> None:
        door = slash.door_of(body)
        if door is None:
            return
        try:
            command = slash.command_of(body)
        except UserError as error:
            await self._gateway.reply(door, Reply(problem(str(error))))
        else:
            await self._answer(door, command)

    async def _pressed(self, body: dict[str, Any]) -> None:
        command = buttons.command_of(body)
        if command is None:
            SLACK_IDLE.labels("button").inc()
        await self._answer(buttons.door_of(body), command)

    async def _happened(self, body: dict[str, Any]) -> None:
        identity = self._identity()
        channel = reopened_channel(body, identity.user_id if identity else None)
        if channel and (count := await self._context.store.undelivered.reopen(channel)):
            log.info("channel.reopened", channel=channel, deliveries=count)
            self._context.wake()

    async def _answer(self, door: Door | None, command: Command | None) -> None:
        if door is None or command is None:
            return
        identity = self._identity()
        team_id = identity.team_id if identity else None
        same_team = team_id is None or command.asker.team == team_id
        person = None
        if command.need is not Need.NOTHING and same_team:
            person = await self._people.person(command.asker.person, team_id=team_id)
        reply = await run(command, person, self._context, same_team=same_team)
        await self._gateway.reply(door, reply)
