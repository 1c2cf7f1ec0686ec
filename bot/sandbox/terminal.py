"""``ftjob try``: a Slack channel in a terminal. Type ``/ftjob ...``, or a number to press a button."""

import asyncio
import contextlib

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console

from bot.sandbox.acting import Person
from bot.sandbox.exchange import Exchange
from bot.sandbox.lives import fails, pauses, reinforcement, succeeds, waits
from bot.sandbox.messages import Message
from bot.sandbox.screen import Screen
from bot.sandbox.stage import Stage, stage

LIVES = {"succeeds": succeeds, "fails": fails, "waits": waits, "pauses": pauses, "reinforcement": reinforcement}
"""What ``new`` can create."""

WELCOME = """[bold]A Slack channel, with the real ftjob in it and a fine-tuning API behind it.[/]
  [cyan]/ftjob help[/]        what the bot understands; /ftjob subscribe is a good start
  [cyan]3[/]                  presses button number 3
  [cyan]new [succeeds|fails|waits|pauses|reinforcement] [seconds][/]   creates a job
  [cyan]as milo[/]            speak as somebody who is no operator; [cyan]as olivia[/] to be one again
  [cyan]log[/]                what the bot's process printed; [cyan]quit[/], or Ctrl-D, to leave
"""

_FIRST = (("succeeds", 60.0), ("fails", 40.0), ("waits", 3600.0))
"""The jobs that are there already."""
_WORDS = [
    "/ftjob help",
    "/ftjob list",
    "/ftjob subscribe",
    "/ftjob track",
    "/ftjob status",
    "/ftjob cancel",
    "new",
    "log",
]


async def visit() -> int:
    """Let a person try the bot until they leave."""
    console = Console()
    console.print("Starting a local Slack, a fine-tuning API and the bot…")
    try:
        async with stage() as scene:
            for life, seconds in _FIRST:
                scene.api.add_job(life=LIVES[life](seconds))
            await _Terminal(scene, console).run()
    except RuntimeError as error:
        console.print(f"[red]{error}[/]")
        return 1
    return 0


class _Terminal:
    def __init__(self, scene: Stage, console: Console) -> None:
        self._scene = scene
        self._console = console
        self._screen = Screen(console, scene.slack.workspace)
        self._me = scene.operator
        self._people: dict[str, Person] = {person.name: person for person in (scene.operator, scene.member)}

    async def run(self) -> None:
        self._console.print(WELCOME)
        session: PromptSession[str] = PromptSession(completer=WordCompleter(_WORDS, sentence=True))
        with patch_stdout(raw=True):
            following = asyncio.create_task(self._follow())
            with contextlib.suppress(EOFError, KeyboardInterrupt):
                while (line := (await session.prompt_async(f"{self._me.name}> ")).strip()) not in ("quit", "exit"):
                    await self._do(line)
            following.cancel()

    async def _follow(self) -> None:
        """Show what comes: the channel's messages, and what only the speaker sees."""
        slack = self._scene.slack
        direct = [slack.direct_message(person) for person in self._people.values()]
        shown: list[Message] = []

        def unseen() -> list[Message]:
            messages = [message for place in (self._scene.channel, *direct) for message in place.messages]
            return [message for message in messages if all(message is not each for each in shown)]

        while True:
            for message in sorted(unseen(), key=lambda message: float(message.ts)):
                self._screen.show(message)
                shown.append(message)
            await slack.ledger.until(unseen, seconds=86_400)

    async def _do(self, line: str) -> None:
        match line.split():
            case []:
                return
            case ["as", name] if name in self._people:
                self._me = self._people[name]
            case ["log"]:
                self._console.print(self._scene.log.read_text(), markup=False)
            case ["new", *rest]:
                self._new(rest)
            case [number] if number.isdigit():
                await self._press(int(number))
            case [command, *_] if command.startswith("/"):
                text = line.removeprefix(command).strip()
                await self._show_answer(await self._me.command(text, self._scene.channel, command=command))
            case _:
                self._console.print("That is neither a command, a button's number, new, as, log nor quit.")

    def _new(self, words: list[str]) -> None:
        name = words[0] if words else "succeeds"
        seconds = float(words[1]) if len(words) > 1 and words[1].isdigit() else 30.0
        if name not in LIVES:
            self._console.print(f"There is no {name!r}: {', '.join(LIVES)}.", markup=False)
            return
        self._console.print(f"Created {self._scene.api.add_job(life=LIVES[name](seconds))}")

    async def _press(self, number: int) -> None:
        if not 1 <= number <= len(self._screen.buttons):
            self._console.print("There is no button with that number.")
            return
        where, action_id, value = self._screen.buttons[number - 1]
        await self._show_answer(await self._me.click(where, action_id, value=value))

    async def _show_answer(self, exchange: Exchange) -> None:
        if not exchange.acked:
            self._console.print(f"[red]Slack says: {exchange.error}[/]")
            return
        try:
            reply = await exchange.reply(seconds=15)
        except TimeoutError:
            self._console.print("The bot said nothing within 15 s; `log` shows why.")
            return
        if reply.ephemeral:
            self._screen.show(reply, alone=True)
