"""From what Slack sent to an answer: the only place that authorises, runs, replies, and reports what went wrong."""

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
from bot.slack import buttons, slash
from bot.slack.gateway import Door, Gateway
from bot.slack.people import People

LAST_SECONDS = 5.0
"""How long a stop waits for answers under way."""

log = structlog.get_logger()


class Dispatch:
    """Runs what was asked as tasks of its own, so that Slack has its acknowledgement at once."""

    def __init__(self, context: Context, gateway: Gateway, people: People, team_id: Callable[[], str | None]) -> None:
        self._context = context
        self._gateway = gateway
        self._people = people
        self._team_id = team_id
        self._tasks: set[asyncio.Task[None]] = set()

    def slash(self, body: dict[str, Any]) -> None:
        """Start on a typed command."""
        self._start(self._typed(body))

    def button(self, body: dict[str, Any]) -> None:
        """Start on a pressed button."""
        self._start(self._pressed(body))

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
        await self._answer(buttons.door_of(body), buttons.command_of(body))

    async def _answer(self, door: Door | None, command: Command | None) -> None:
        if door is None or command is None:
            return
        team_id = self._team_id()
        same_team = team_id is None or command.asker.team == team_id
        person = None
        if command.need is not Need.NOTHING and same_team:
            person = await self._people.person(command.asker.person, team_id=team_id)
        reply = await run(command, person, self._context, same_team=same_team)
        await self._gateway.reply(door, reply)
