"""`outbox` and its buttons, for every kind and every state of what is stored."""

from typing import Any

import pytest
from sqlalchemy import delete, update

from bot.commands.outbox import DELIVERED, IN_DIGEST, IN_PROGRESS, UNKNOWN
from bot.jobs.changes import Change, ChangeKind, State
from bot.net.retry_after import MAX_PAUSE
from bot.store import Store
from bot.store.db import schema
from bot.store.outbox.delivery import MessageKind, NewDelivery
from tests.store.seeds import ACCOUNT, STARTED, deliveries, enqueue, reading
from tests.world import World

NEW = Change(ChangeKind.NEW, State("queued"), State("queued"))
MODEL = Change(ChangeKind.MODEL, State("succeeded"), State("succeeded", "ft:gpt-4o:acme::1"))
STALLED = Change(ChangeKind.STALLED, State("queued"), State("queued"), 25_200.0)
LONG = MAX_PAUSE
"""Seconds: the longest rest that counts, which no test waits out."""


async def hold_back(store: Store, **values: Any) -> None:
    """Let everything in the outbox be parked, or be as ``values`` say."""
    async with store.db.transaction() as tx:
        await tx.execute(update(schema.delivery).values({"state": "parked", "error": "is_archived", **values}))


async def test_every_kind_of_message_has_a_name(world: World) -> None:
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        store = bot.store
        async with store.db.transaction() as tx:
            await store.outbox.deliveries.pause_channel(tx, "C0ATTIC", LONG, rate_limited=True)
            await store.outbox.deliveries.pause_channel(tx, world.olivia.id, LONG, rate_limited=True)
            await store.outbox.deliveries.enqueue_notice(tx, world.olivia.id, {"kind": "store_lost"}, "key")
            for version, (change, message_kind) in enumerate(
                [
                    (STARTED, "change"),
                    (MODEL, "change"),
                    (STALLED, "change"),
                    (NEW, "card"),
                    (NEW, "change"),
                    (NEW, "digest"),
                ]
            ):
                recorded = await store.jobs.changes.write(tx, ACCOUNT, version, change, reading("ftjob-a").body)
                card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", f"C{version}")
                await store.outbox.deliveries.enqueue(
                    tx, recorded, NewDelivery("C0ATTIC", MessageKind(message_kind), card.id)
                )
        *_, digest = await deliveries(store)
        for job in range(3):
            await enqueue(store, "C0ATTIC", job=f"ftjob-held-{job}")
        await hold_back(store)
        async with store.db.transaction() as tx:
            held = update(schema.delivery).where(schema.delivery.c.id > digest.id)
            await tx.execute(held.values(digest_id=digest.id, state="parked"))
        seen = await world.say("outbox")

    names = [line.split(" · ")[0] for line in seen.plain_text.splitlines() if " · since " in line]
    assert names == [
        "Notice",
        "`ftjob-a`: queued → running",
        "Model update for `ftjob-a`",
        "`ftjob-a`: stuck",
        "Card for `ftjob-a`",
        "Card for `ftjob-a`",
        "Digest of 3 changes",
    ]


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        ({"state": "sent"}, DELIVERED),
        ({"state": "pending"}, IN_PROGRESS),
        ({"state": "inflight"}, IN_PROGRESS),
        ({"state": "unconfirmed"}, IN_PROGRESS),
        ({"digest_id": 1}, IN_DIGEST),
        (None, UNKNOWN),
    ],
)
async def test_a_button_of_a_message_that_changed_state_says_its_state(
    world: World, meanwhile: dict[str, Any] | None, said: str
) -> None:
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        async with bot.store.db.transaction() as tx:
            await bot.store.outbox.deliveries.pause_channel(tx, "C0ATTIC", LONG, rate_limited=True)
        await enqueue(bot.store, "C0ATTIC")
        await hold_back(bot.store)
        seen = await world.say("outbox")
        if meanwhile is None:
            async with bot.store.db.transaction() as tx:
                await tx.execute(delete(schema.delivery))
        else:
            await hold_back(bot.store, **meanwhile)
        before = await deliveries(bot.store)
        answer = await world.press(seen, "ftjob_retry:0")
        after = await deliveries(bot.store)

    assert said in answer.plain_text
    assert answer.replace_original
    assert after == before


async def test_retry_all_without_dead_letters_says_so(world: World) -> None:
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await enqueue(bot.store, "C0ATTIC", "C0ATTIC")
        await hold_back(bot.store)
        seen = await world.say("outbox")
        await hold_back(bot.store, state="sent")
        answer = await world.press(seen, "ftjob_retry_all")

    assert "Nothing left to retry. No undelivered messages." in answer.text
