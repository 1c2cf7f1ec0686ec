"""``ftjob try``: the page, served until somebody has seen enough."""

import asyncio
import contextlib
import signal
import webbrowser

from rich.console import Console

from bot.runtime.terminal import literal
from bot.sandbox.demo.environment import DemoEnvironment, demo_environment
from bot.sandbox.demo.page.server import DemoPage
from bot.sandbox.openai.scenarios import fails, pauses, reinforcement, succeeds, waits

_FIRST = (
    (succeeds(90.0), {"team": "search", "note": "ranker v7"}),
    (fails(50.0), {"team": "search"}),
    (reinforcement(150.0), {"team": "support"}),
    (pauses(240.0), {"team": "support"}),
    (waits(3600.0), {"team": "ads"}),
)
"""The jobs that are there already, with their metadata."""


async def run_demo(*, opens_browser: bool) -> int:
    """Serve the page until Ctrl-C; return the exit code."""
    console = Console()
    console.print("Starting a local Slack, a fine-tuning API and the bot…")
    try:
        async with demo_environment() as scene, DemoPage(scene) as page:
            await seed_demo(scene)
            console.print(f"[bold]{page.origin}/[/]  Ctrl-C ends it.")
            if opens_browser and not await asyncio.to_thread(webbrowser.open, f"{page.origin}/"):
                console.print("There is no browser here: open the address in one of this machine.")
            await _until_interrupted()
    except RuntimeError as error:
        console.print(literal(str(error), "red"))
        return 1
    return 0


async def seed_demo(scene: DemoEnvironment) -> None:
    """Let a team's day be under way: jobs that live, and a channel that follows them."""
    for life, metadata in _FIRST:
        scene.api.add_job(scenario=life, metadata=metadata | {"slack_user": scene.member.id})
    scene.member.post("I started the runs for this week. Let us see.", scene.channel)
    exchange = await scene.operator.command("subscribe", scene.channel)
    await exchange.reply()
    scene.slack.add_channel("random")


async def _until_interrupted() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
