"""``ftjob try --tour``: a scripted visit that checks itself."""

import asyncio
from collections import Counter

from rich.console import Console

from bot.runtime.terminal import literal
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.terminal import TerminalView
from bot.sandbox.openai.scenarios import fails, succeeds, waits
from bot.sandbox.slack.exchange import UserInteraction
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from bot.sandbox.slack.users import SandboxUser

DEADLINE_SECONDS = 40.0
"""How long the whole visit may take."""


async def run_self_test() -> int:
    """Play the visit and print what the channel saw; return 0 if every expected message arrived, once."""
    console = Console()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS), demo_environment() as scene:
            screen = TerminalView(console, scene.slack.workspace)
            problems = await _Visit(scene, screen, console).run()
    except TimeoutError as error:
        problems = [str(error) or f"the visit took longer than {DEADLINE_SECONDS:g} s"]
    except RuntimeError as error:
        problems = [str(error)]
    for problem in problems:
        console.print(literal(f"wrong: {problem}", "red"))
    if not problems:
        console.print("[green]Every expected message arrived, once.[/]")
    return 1 if problems else 0


class _Visit:
    def __init__(self, scene: DemoEnvironment, screen: TerminalView, console: Console) -> None:
        self._scene = scene
        self._screen = screen
        self._console = console
        self._shown = 0

    async def run(self) -> list[str]:
        """Return what did not happen as it should."""
        api, operator, member = self._scene.api, self._scene.operator, self._scene.member
        good = api.add_job(scenario=succeeds(10))
        bad = api.add_job(scenario=fails(7))
        waiting = api.add_job(scenario=waits())
        for job_id in (good, bad, waiting):
            await self._ask(operator, f"track {job_id}")
        looked_up = await self._ask(member, f"status {good}")
        refused = await self._ask(member, f"cancel {waiting}")
        question = await self._ask(operator, f"cancel {waiting}")
        await self._press(operator, question, "ftjob_confirm")
        ends = {good: "Succeeded", bad: "Failed", waiting: "Cancelled"}
        for job_id, end in ends.items():
            await self._until_told(job_id, end)
        complaints = self._scene.slack.errors + self._scene.slack.violations + self._doubled(ends)
        if good not in looked_up.plain_text:
            complaints.append("the answer to status does not name the job")
        if "may not" not in refused.plain_text:
            complaints.append("somebody who is no operator was not refused a cancel")
        return complaints

    async def _ask(self, person: SandboxUser, text: str) -> SentReply:
        self._console.print(literal(person.name, "bold"), "types", literal(f"/ftjob {text}", "cyan"))
        return await self._answered(await person.command(text, self._scene.channel))

    async def _press(self, person: SandboxUser, question: SentReply, action_id: str) -> None:
        self._console.print(literal(person.name, "bold"), "presses the red button")
        await self._answered(await person.click(question, action_id))

    async def _answered(self, exchange: UserInteraction) -> SentReply:
        reply = await exchange.reply()
        self._catch_up()
        self._screen.print_message(reply, is_ephemeral=reply.ephemeral)
        return reply

    async def _until_told(self, job_id: str, end: str) -> None:
        def is_told() -> bool:
            self._catch_up()
            # The card shows the end, too, perhaps before the thread tells it.
            return any(end in message.plain_text and message.thread_ts for message in self._about(job_id))

        await self._scene.slack.request_log.wait_until(
            is_told, seconds=DEADLINE_SECONDS, why=f"{job_id} is told as {end}"
        )

    def _catch_up(self) -> None:
        messages = self._scene.channel.messages
        for message in messages[self._shown :]:
            self._screen.print_message(message)
        self._shown = len(messages)

    def _about(self, job_id: str) -> list[ChannelMessage]:
        return [message for message in self._scene.channel.messages if job_id in message.text]

    def _doubled(self, ends: dict[str, str]) -> list[str]:
        """Return what was told more than once: a card, or a status of a job."""
        doubled = []
        for job_id, end in ends.items():
            messages = self._about(job_id)
            cards = [message for message in messages if message.thread_ts is None]
            if len(cards) != 1:
                doubled.append(f"{job_id} has {len(cards)} cards")
            headlines = Counter(message.plain_text.splitlines()[1] for message in messages if message.thread_ts)
            doubled += [f"{job_id}: {line!r} came {count} times" for line, count in headlines.items() if count > 1]
            if not any(message.reply_broadcast and f"*{end}*" in message.plain_text for message in messages):
                doubled.append(f"{job_id}: {end} was not shown in the channel")
        return doubled
