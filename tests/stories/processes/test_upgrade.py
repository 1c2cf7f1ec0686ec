"""A database of the version before the new names: the bot upgrades it, posts what is pending once, and nothing twice."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import BOT, BOT_USER, Channel
from bot.slack.client import EVENT_TYPE
from bot.store.db.engine import open_database
from bot.store.db.migrate import upgrade
from tests.store.schema_0012 import AUDIT
from tests.world import FAST_TUNING, World

BEFORE = "0012"
CARD = "A card of the version before"


@pytest.fixture
def is_migrated() -> bool:
    """The database begins with nothing."""
    return False


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A world on a database of each kind, which the version before has yet to write."""
    async with World(tmp_path, database_url=database_url) as made:
        yield made
    assert made.slack.violations == []
    assert made.rejections == []


class OldDatabase:
    """What the version before stored, table by table, and what it posted to Slack."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rows: dict[str, list[dict[str, Any]]] = {
            "account": [{"name": "default", "swept_at": time.time() - 60, "begun_at": time.time() - 61}],
            "identity": [{"store_id": "0" * 32, "made_at": 1.0}],
        }

    def add(self, table: str, **values: Any) -> int:
        """Add a row, with an id that its table counts, and return the id."""
        rows = self._rows.setdefault(table, [])
        rows.append(values)
        return len(rows)

    async def write(self) -> None:
        """Make the database and fill it."""
        metadata = MetaData()
        async with open_database(self._world.database_url, time.time) as db:
            await upgrade(db, BEFORE)
            async with db.transaction() as tx:
                await tx.run_sync(metadata.reflect)
                for table in metadata.sorted_tables:
                    for row in self._rows.get(table.name, []):
                        await tx.execute(table.insert(), row)
                if not db.is_sqlite:  # ids were given: the counters have to be behind them
                    for name in ("card", "change", "delivery"):
                        await tx.exec_driver_sql(
                            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"  # noqa: S608 - names of ours
                        )

    def post(self, channel: Channel, text: str, key: str) -> str:
        """Let a message of the bot stand in a channel, and return its timestamp."""
        space = self._world.slack.workspace
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"k": key}}
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
        message = ChannelMessage(space.ts(), channel.id, BOT_USER, text, BOT, blocks, metadata=metadata)
        return space.add_message(message).ts

    def job(self, channel: Channel, *, status: str = "running") -> tuple[str, int]:
        """Add a job that a channel tracks, with its card; return the job's id and the card's."""
        job_id = self._world.api.add_job(status=status)
        about = {"account": "default", "job_id": job_id}
        self.add(
            "job",
            account="default",
            id=job_id,
            version=2,
            status=status,
            created_at=time.time() - 600,
            same_since=time.time() - 300,
            settled=False,
        )
        self.add("track", **about, channel=channel.id, person=self._world.olivia.id, since=1.0)
        self.add("picture", **about, body=self._body(job_id, status), digest="old")
        ts = self.post(channel, f"{CARD}: {job_id}", f"card {job_id}")
        card_id = len(self._rows.get("card", [])) + 1
        self.add("card", id=card_id, **about, channel=channel.id, ts=ts, wanted=3, shown=2)
        return job_id, card_id

    def change(self, job_id: str, *, status: str = "running") -> int:
        """Add the change of a job from queued to its status."""
        change_id = len(self._rows.get("change", [])) + 1
        return self.add(
            "change",
            id=change_id,
            account="default",
            job_id=job_id,
            version=2,
            kind="status",
            old_status="queued",
            new_status=status,
            body=self._body(job_id, status),
            late=False,
            seen_at=time.time() - 300,
        )

    def alert(
        self, channel: Channel, state: str, *, arrived: bool = False, status: str = "running", **more: Any
    ) -> str:
        """Add a job, its change, and the delivery of the change in a state; return the job's id."""
        job_id, card_id = self.job(channel, status=status)
        change_id = self.change(job_id, status=status)
        key = f"key of {job_id}"
        ts = self.post(channel, f"*{status.capitalize()}* {job_id}", key) if arrived else None
        tried = state in ("inflight", "ambiguous", "sent")
        self.delivery(
            channel,
            state,
            key=key,
            change_id=change_id,
            replies_to=card_id,
            attempts=int(tried),
            in_doubt=state in ("inflight", "ambiguous"),
            first_at=time.time() - 200 if tried else None,
            last_at=time.time() - 200 if tried else None,
            token="gone" if state == "inflight" else None,
            ts=ts if state == "sent" else None,
            **more,
        )
        return job_id

    def delivery(self, channel: Channel, state: str, **values: Any) -> int:
        """Add a delivery."""
        row = {
            "id": len(self._rows.get("delivery", [])) + 1,
            "channel": channel.id,
            "kind": "post",
            "picture": "change",
            "attempts": 0,
            "in_doubt": False,
            "not_before": 0.0,
            "lease_until": 0.0,
            "created_at": time.time() - 250,
        }
        return self.add("delivery", **{**row, "state": state, **values})

    @staticmethod
    def _body(job_id: str, status: str) -> str:
        return json.dumps({"id": job_id, "status": status, "created_at": 1_700_000_000, "model": "gpt-4o-mini"})


async def test_what_was_pending_is_posted_once_and_nothing_twice(world: World) -> None:
    muted_channel, digest_channel = world.slack.add_channel("muted"), world.slack.add_channel("digests")
    old = OldDatabase(world)
    sent = old.alert(world.ml, "sent", arrived=True)
    pending = old.alert(world.ml, "pending")
    inflight = old.alert(world.ml, "inflight")
    arrived = old.alert(world.ml, "ambiguous", arrived=True)
    lost = old.alert(world.ml, "ambiguous")
    dead = old.alert(world.ml, "dead", error="invalid_blocks")
    parked = old.alert(world.ops, "parked", error="is_archived")
    muted = old.alert(muted_channel, "muted", status="failed")
    old.add(
        "mute",
        account="default",
        channel=muted_channel.id,
        job_id="*",
        person=world.olivia.id,
        until=time.time() + 3600,
        seen_at=time.time(),
    )
    digest = old.delivery(digest_channel, "pending", key="key of a digest", picture="digest")
    digested = [old.alert(digest_channel, "pending", held_by=digest) for _ in range(2)]
    old.add("audit", **AUDIT)
    await old.write()
    world.tuning = FAST_TUNING

    async with world.bot() as bot:
        await world.until_quiet(bot)
        assert await bot.store.actions.audit.first_broken() is None
        channels = (world.ml, world.ops, muted_channel, digest_channel)
        await world.slack.request_log.wait_until(
            lambda: not any(CARD in message.text for channel in channels for message in channel.messages),
            why="each card shows its newest generation",
        )
        for job in (sent, pending, inflight, arrived, lost):
            assert world.delivered(job) == ["Running"], job
        assert world.delivered(dead) == world.delivered(parked, world.ops) == []
        assert world.delivered(muted, muted_channel) == []
        assert [len(alerts(world, job, digest_channel)) for job in digested] == [1, 1]
        found = await bot.store.outbox.dead_letters.by_state()
        assert {state: count for state, count in found.items() if count} == {"dead": 1, "parked": 1, "muted": 1}

        await world.say("unmute", channel=muted_channel)
        world.api.change(parked, status="succeeded")  # its channel's next alert takes the parked one along
        world.api.change(sent, status="succeeded")
        await world.until_delivered(parked, "Running", "Succeeded", channel=world.ops)
        await world.until_delivered(sent, "Running", "Succeeded")
        await world.until_quiet(bot)
        assert len(alerts(world, muted, muted_channel)) == 1
        for job in (pending, inflight, arrived, lost):
            assert world.delivered(job) == ["Running"], job


def alerts(world: World, job_id: str, channel: Channel) -> list[ChannelMessage]:
    """Return the messages of a channel about a job, but for its card."""
    found = world.messages_about(job_id, channel)
    return [each for each in found if each.metadata and each.metadata["event_payload"]["k"] != f"card {job_id}"]
