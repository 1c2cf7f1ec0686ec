"""Two keys to one project show the same jobs: each is told once in a channel, whichever account saw it first."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from bot.accounts import Account
from bot.providers.client import Client
from bot.sandbox.finetuning import API_KEY, FineTuningApi
from bot.store import schema
from bot.store.tracks import Subscription
from tests.poll.lookout import LIST, Lookout, lookout, page_of, sweeper_on


@pytest.fixture
async def view(database_url: str) -> AsyncIterator[Lookout]:
    async with FineTuningApi() as api, lookout(database_url, api) as opened:
        yield opened


async def _second(view: Lookout, stack: AsyncExitStack) -> object:
    """Return what sweeps the same API as another account, to which the channel is subscribed, too."""
    account = Account("second", view.api.base_url, SecretStr(API_KEY))
    client = await stack.enter_async_context(Client(account, clock=view.time.clock, deadline=5))
    async with view.store.db.transaction() as tx:
        await view.store.tracks.subscribe(tx, Subscription("second", "C1", "U1", 0))
    return sweeper_on(view.store, client, view.time.clock)[1]


@pytest.mark.parametrize("first", [0, 1])
async def test_a_job_of_two_accounts_is_told_once(view: Lookout, first: int) -> None:
    await view.subscribe()
    async with AsyncExitStack() as stack:
        sweepers = [view.sweeper, await _second(view, stack)]
        job = view.api.add_job(status="queued")
        for status in ("queued", "running", "succeeded"):
            if status != "queued":
                view.api.change(job, status=status)
            for n in (first, 1 - first):
                await sweepers[n].sweep()  # type: ignore[attr-defined]
            await view.time.passes(view.store, 31)

    assert await view.told() == [(job, "queued"), (job, "running"), (job, "succeeded")]


async def test_a_job_of_another_moment_with_the_same_name_is_another(view: Lookout) -> None:
    await view.subscribe()
    async with AsyncExitStack() as stack:
        second = await _second(view, stack)
        job = view.api.add_job(status="queued")
        await view.sweep()
        body = view.api.jobs[job]
        view.api.faults.add(LIST, page_of({**body, "created_at": body["created_at"] + 60}))
        await second.sweep()  # type: ignore[attr-defined]

    async with view.store.db.transaction() as tx:
        accounts = set(await tx.scalars(select(schema.track.c.account)))
    assert accounts == {view.account, "second"}
