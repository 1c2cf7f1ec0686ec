"""A full workspace: 2,000 messages and 500 jobs, and the time until a reply is shown in it."""

from typing import Any

from playwright.async_api import Page as Tab
from playwright.async_api import expect

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import BOT_USER
from tests.sandbox.demo.page.browser_session import BrowserSession
from tests.sandbox.demo.page.locators import card

MESSAGES, JOBS = 2000, 500

TIME_REPLY = """command => new Promise((done) => {
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
"""Sends a command; returns the milliseconds until its reply was painted."""


async def fill(session: BrowserSession) -> None:
    """Add jobs, their cards and users' messages, half of all in threads."""
    demo = session.demo
    job = demo.api.add_job(status="running")
    await session.type(f"/ftjob track {job}")
    await expect(card(session, job)).to_contain_text(job)
    card_message = next(each for each in demo.channel.messages if each.user == BOT_USER)
    jobs = [demo.api.add_job(status="running" if nth % 20 == 0 else "succeeded") for nth in range(JOBS - 1)]
    for nth in range(MESSAGES // 4):
        name = jobs[nth % len(jobs)]
        root = post(demo, card_message.text.replace(job, name), renamed(card_message.blocks, job, name))
        for word in ("Running", "Succeeded"):
            post(demo, f"{name}: {word}", [section(f"*{word}* · `{name}`")], thread=root.ts)
        demo.member.post(f"That was number {nth}.", demo.channel)
    await expect(session.tab.locator("#messages")).to_contain_text(f"That was number {MESSAGES // 4 - 1}.")


def post(
    demo: DemoEnvironment, text: str, blocks: list[dict[str, Any]], *, thread: str | None = None
) -> ChannelMessage:
    ts = demo.slack.workspace.ts()
    return demo.slack.workspace.add_message(
        ChannelMessage(ts, demo.channel.id, BOT_USER, text, blocks=blocks, thread_ts=thread)
    )


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def renamed(node: Any, old: str, new: str) -> Any:
    if isinstance(node, dict):
        return {key: renamed(value, old, new) for key, value in node.items()}
    if isinstance(node, list):
        return [renamed(each, old, new) for each in node]
    return node.replace(old, new) if isinstance(node, str) else node


async def milliseconds(tabs: list[Tab], user_ids: list[str]) -> float:
    """Return the least time of eight replies, which other load on this machine affects the least.

    A user has a rate limit of ten commands in ten seconds.
    """
    taken = []
    for tab in tabs:
        for user_id in user_ids:
            await tab.get_by_label("You are").select_option(user_id)
            taken += [float(await tab.evaluate(TIME_REPLY, "/ftjob help")) for _ in range(4 // len(tabs))]
    return min(taken)
