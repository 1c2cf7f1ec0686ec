"""A workspace after months: 2,000 messages and 500 jobs, and how soon somebody is answered in it."""

from typing import Any

from playwright.async_api import Locator, expect
from playwright.async_api import Page as Tab

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import BOT_USER
from tests.sandbox.demo.page.browser import Visit

MESSAGES, JOBS = 2000, 500

ANSWERED = """command => new Promise((done) => {
    const began = performance.now(), list = document.getElementById("messages"), field = document.getElementById("composer-text");
    const known = new Set(list.querySelectorAll("article.ephemeral"));
    const watch = new MutationObserver(() => {
        if ([...list.querySelectorAll("article.ephemeral")].every((each) => known.has(each))) return;
        watch.disconnect();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
    });
    watch.observe(list, { childList: true, subtree: true });
    field.value = command;
    field.form.requestSubmit();
})"""
"""Sends a command; returns after how many milliseconds its answer was painted."""


def card_of(tab: Tab, job: str) -> Locator:
    return tab.locator("#messages article.bot").filter(has_text=job).filter(has=tab.locator(".actions"))


async def fill(visit: Visit) -> None:
    """Let months have passed: as many jobs, cards of them, and people's words, half of all in threads."""
    scene = visit.scene
    job = scene.api.add_job(status="running")
    await visit.type(f"/ftjob track {job}")
    await expect(card_of(visit.tab, job)).to_contain_text(job)
    card = next(each for each in scene.channel.messages if each.user == BOT_USER)
    jobs = [scene.api.add_job(status="running" if nth % 20 == 0 else "succeeded") for nth in range(JOBS - 1)]
    for nth in range(MESSAGES // 4):
        name = jobs[nth % len(jobs)]
        root = post(scene, card.text.replace(job, name), renamed(card.blocks, job, name))
        for word in ("Running", "Succeeded"):
            post(scene, f"{name}: {word}", [section(f"*{word}* · `{name}`")], thread=root.ts)
        scene.member.post(f"That was number {nth}.", scene.channel)
    await expect(visit.tab.locator("#messages")).to_contain_text(f"That was number {MESSAGES // 4 - 1}.")


def post(
    scene: DemoEnvironment, text: str, blocks: list[dict[str, Any]], *, thread: str | None = None
) -> ChannelMessage:
    ts = scene.slack.workspace.ts()
    return scene.slack.workspace.add_message(
        ChannelMessage(ts, scene.channel.id, BOT_USER, text, blocks=blocks, thread_ts=thread)
    )


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def renamed(node: Any, old: str, new: str) -> Any:
    if isinstance(node, dict):
        return {key: renamed(value, old, new) for key, value in node.items()}
    if isinstance(node, list):
        return [renamed(each, old, new) for each in node]
    return node.replace(old, new) if isinstance(node, str) else node


async def milliseconds(tabs: list[Tab], people: list[str]) -> float:
    """Return how long an answer takes, the quickest of eight: what else this machine does is not in it, our work is.

    Nobody may ask ten times in ten seconds.
    """
    taken = []
    for tab in tabs:
        for person in people:
            await tab.get_by_label("You are").select_option(person)
            taken += [float(await tab.evaluate(ANSWERED, "/ftjob help")) for _ in range(4 // len(tabs))]
    return min(taken)
