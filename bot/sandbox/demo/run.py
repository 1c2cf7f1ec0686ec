"""Demo (``ftjob try``): serve the page until interrupted."""

import asyncio
import contextlib
import signal
import webbrowser

from rich.console import Console

from bot.runtime.terminal import literal
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.job_servers import FIREWORKS, OPENAI, TOGETHER
from bot.sandbox.demo.page.server import DemoPage
from bot.sandbox.openai.scenarios import fails, pauses, reinforcement, succeeds, waits

_INITIAL_JOBS = (
    (OPENAI, succeeds(90.0), "ranker v7", "search"),
    (OPENAI, fails(50.0), "intent-2", "search"),
    (OPENAI, reinforcement(150.0), "summarizer", "support"),
    (OPENAI, pauses(240.0), "support tone", "support"),
    (OPENAI, waits(3600.0), "ads v3", "ads"),
    (TOGETHER, succeeds(120.0), "rewriter", ""),
    (FIREWORKS, succeeds(180.0), "router", ""),
)
"""Provider, scenario, name and team of each job that exists from the start."""


async def run_demo(*, opens_browser: bool) -> int:
    """Serve the page until Ctrl-C; return the exit code."""
    console = Console()
    console.print("Starting a local Slack, a fine-tuning API and the bot…")
    try:
        async with demo_environment(all_providers=True) as demo, DemoPage(demo) as page:
            await seed_demo(demo)
            console.print(f"[bold]{page.origin}/[/]  Ctrl-C ends it.")
            if opens_browser and not await asyncio.to_thread(webbrowser.open, f"{page.origin}/"):
                console.print("Couldn't open a browser. Open the address above in a browser on this machine.")
            await _wait_for_interrupt()
    except RuntimeError as error:
        console.print(literal(str(error), "red"))
        return 1
    return 0


async def seed_demo(demo: DemoEnvironment) -> None:
    """Add running jobs and a channel that is subscribed to them."""
    for provider, scenario, name, team in _INITIAL_JOBS:
        if provider in demo.servers.by_name:
            metadata = {"team": team, "slack_user": demo.member.id}
            demo.servers.add_job(provider, scenario, name=name, metadata=metadata)
    demo.member.post("I kicked off this week's runs. Let's see how they do.", demo.channel)
    interaction = await demo.operator.command("subscribe", demo.channel)
    await interaction.reply()
    demo.slack.add_channel("random")


async def _wait_for_interrupt() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
