"""Self-test (``ftjob try --tour``): a scripted run that checks the bot's messages."""

import asyncio
from collections import Counter

from rich.console import Console

from bot.runtime.terminal import literal
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.terminal import TerminalView
from bot.sandbox.openai.scenarios import fails, succeeds, waits
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from bot.sandbox.slack.users import SandboxUser

DEADLINE_SECONDS = 40.0
"""Deadline of the whole run."""


async def run_self_test() -> int:
    """Run the script and print the channel's messages; return 0 if every expected message arrived exactly once."""
    console = Console()
    try:
        async with asyncio.timeout(DEADLINE_SECONDS), demo_environment() as demo:
            view = TerminalView(console, demo.slack.workspace)
            problems = await _SelfTest(demo, view, console).run()
    except TimeoutError as error:
        problems = [str(error) or f"the demo took longer than {DEADLINE_SECONDS:g} s"]
    except RuntimeError as error:
        problems = [str(error)]
    for problem in problems:
        console.print(literal(f"wrong: {problem}", "red"))
    if not problems:
        console.print("[green]Every expected message arrived, once.[/]")
    return 1 if problems else 0


class _SelfTest:
    def __init__(self, demo: DemoEnvironment, view: TerminalView, console: Console) -> None:
        self._demo = demo
        self._view = view
        self._console = console
        self._printed = 0

    async def run(self) -> list[str]:
        """Return every deviation from what was expected."""
        api, operator, member = self._demo.api, self._demo.operator, self._demo.member
        good = api.add_job(scenario=succeeds(10))
        bad = api.add_job(scenario=fails(7))
        waiting = api.add_job(scenario=waits())
        for job_id in (good, bad, waiting):
            await self._run_command(operator, f"track {job_id}")
        status = await self._run_command(member, f"status {good}")
        denied = await self._run_command(member, f"cancel {waiting}")
        confirmation = await self._run_command(operator, f"cancel {waiting}")
        await self._click(operator, confirmation, "ftjob_confirm")
        labels = {good: "succeeded", bad: "failed", waiting: "canceled"}
        for job_id, label in labels.items():
            await self._wait_for_alert(job_id, label)
        problems = self._demo.slack.errors + self._demo.slack.violations + self._duplicates(labels)
        if good not in status.plain_text:
            problems.append("the reply to status doesn't name the job")
        if "Only operators" not in denied.plain_text:
            problems.append("someone who isn't an operator was allowed to cancel")
        return problems

    async def _run_command(self, user: SandboxUser, text: str) -> SentReply:
        self._console.print(literal(user.name, "bold"), "types", literal(f"/ftjob {text}", "cyan"))
        return await self._wait_for_reply(await user.command(text, self._demo.channel))

    async def _click(self, user: SandboxUser, confirmation: SentReply, action_id: str) -> None:
        self._console.print(literal(user.name, "bold"), "presses the red button")
        await self._wait_for_reply(await user.click(confirmation, action_id))

    async def _wait_for_reply(self, interaction: UserInteraction) -> SentReply:
        reply = await interaction.reply()
        self._print_new_messages()
        self._view.print_message(reply, is_ephemeral=reply.ephemeral)
        return reply

    async def _wait_for_alert(self, job_id: str, label: str) -> None:
        def is_posted() -> bool:
            self._print_new_messages()
            # The card shows the final status, too, perhaps before the alert in its thread.
            return any(label in message.plain_text and message.thread_ts for message in self._messages_about(job_id))

        await self._demo.slack.request_log.wait_until(
            is_posted, seconds=DEADLINE_SECONDS, why=f"an alert says that {job_id} is {label}"
        )

    def _print_new_messages(self) -> None:
        messages = self._demo.channel.messages
        for message in messages[self._printed :]:
            self._view.print_message(message)
        self._printed = len(messages)

    def _messages_about(self, job_id: str) -> list[ChannelMessage]:
        return self._demo.channel.messages_about(job_id)

    def _duplicates(self, labels: dict[str, str]) -> list[str]:
        """Return duplicate cards and alerts, and final alerts that were not broadcast to the channel."""
        problems = []
        for job_id, label in labels.items():
            messages = self._messages_about(job_id)
            cards = [message for message in messages if message.thread_ts is None]
            if len(cards) != 1:
                problems.append(f"{job_id} has {len(cards)} cards")
            headlines = Counter(message.plain_text.splitlines()[1] for message in messages if message.thread_ts)
            problems += [f"{job_id}: {line!r} came {count} times" for line, count in headlines.items() if count > 1]
            if not any(message.reply_broadcast and label in message.plain_text for message in messages):
                problems.append(f"{job_id}: {label} was not shown in the channel")
        return problems
