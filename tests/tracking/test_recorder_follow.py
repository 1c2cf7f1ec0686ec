"""Beginning to follow: what the posted card showed and what is enqueued after it, also when the job moves meanwhile."""

from bot.jobs.changes import State
from bot.providers.http.wire import FetchedJob
from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import PollResult
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, add_jobs, deliveries, known_job, reading, rows, track

HERE = Track(ACCOUNT, "ftjob-a", "C1", "U1")


async def _poll(store: Store, recorder: Recorder, *readings: FetchedJob) -> None:
    await recorder.record(PollResult(ACCOUNT, readings, await store.jobs.states.newest(ACCOUNT, 100)))


async def _enqueued(store: Store, channel: str = "C1") -> list[tuple[str, str, str]]:
    """Return what is enqueued for a channel, in order: (message kind, old status, new status)."""
    changes = {row.id: row for row in await rows(store, schema.change)}
    enqueued = await deliveries(store, channel)
    return [
        (row.message_kind, changes[row.change_id].old_status, changes[row.change_id].new_status) for row in enqueued
    ]


async def test_a_followed_job_has_its_card_where_it_was_posted(
    store: Store, recorder: Recorder, time: StoreClock
) -> None:
    await recorder.add_track(HERE, reading("ftjob-a", "queued"), None, card_ts="1.000100")

    assert await store.channels.tracks.followers(ACCOUNT, "ftjob-a") == [HERE]
    (card,) = await rows(store, schema.card)
    assert (card.channel, card.ts) == ("C1", "1.000100")
    assert (await known_job(store, "ftjob-a")).state == State("queued")
    assert await _enqueued(store) == []
    (channel,) = await rows(store, schema.channel)
    assert channel.free_at - time.now() == time.approx(1)


async def test_the_next_change_is_enqueued_once_and_without_a_second_card(store: Store, recorder: Recorder) -> None:
    await recorder.add_track(HERE, reading("ftjob-a", "queued"), None, card_ts="1.000100")

    await _poll(store, recorder, reading("ftjob-a", "running"))
    await _poll(store, recorder, reading("ftjob-a", "running"))

    assert await _enqueued(store) == [("change", "queued", "running")]


async def test_a_change_found_by_following_notifies_the_others_only(store: Store, recorder: Recorder) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))
    await track(store, ("C2", "ftjob-a"))
    before = await known_job(store, "ftjob-a")

    await recorder.add_track(HERE, reading("ftjob-a", "running"), before, card_ts="1.000100")

    assert await _enqueued(store, "C1") == []
    assert ("change", "queued", "running") in await _enqueued(store, "C2")


async def test_a_job_that_is_new_to_the_channels_subscription_needs_no_second_card(
    store: Store, recorder: Recorder
) -> None:
    async with store.db.transaction() as tx:
        for channel in ("C1", "C2"):
            await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, channel, "U1", 0))

    await recorder.add_track(HERE, reading("ftjob-a", "queued"), None, card_ts="1.000100")

    assert await _enqueued(store, "C1") == []
    assert await _enqueued(store, "C2") == [("card", "queued", "queued")]


async def test_a_change_recorded_between_the_cards_reading_and_the_track_is_caught_up(
    store: Store, recorder: Recorder
) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))
    before = await known_job(store, "ftjob-a")
    shown = reading("ftjob-a", "queued")
    await _poll(store, recorder, reading("ftjob-a", "failed"))

    await recorder.add_track(HERE, shown, before, card_ts="1.000100")

    assert await _enqueued(store) == [("change", "queued", "failed")]


async def test_a_job_first_seen_between_the_cards_reading_and_the_track_is_caught_up(
    store: Store, recorder: Recorder
) -> None:
    shown = reading("ftjob-a", "queued")
    await _poll(store, recorder, reading("ftjob-a", "failed"))

    await recorder.add_track(HERE, shown, None, card_ts="1.000100")
    await _poll(store, recorder, reading("ftjob-a", "failed"))

    assert await _enqueued(store) == [("change", "queued", "failed")]


async def test_what_the_card_showed_first_is_not_enqueued_after_it(store: Store, recorder: Recorder) -> None:
    await _poll(store, recorder, reading("ftjob-a", "queued"))

    await recorder.add_track(HERE, reading("ftjob-a", "running"), None, card_ts="1.000100")
    await _poll(store, recorder, reading("ftjob-a", "running"))

    assert await _enqueued(store) == []


async def test_two_channels_that_begin_to_follow_are_notified_alike(store: Store, recorder: Recorder) -> None:
    for channel in ("C1", "C2"):
        before = await store.jobs.states.find(ACCOUNT, "ftjob-a")
        track = Track(ACCOUNT, "ftjob-a", channel, "U1")
        await recorder.add_track(track, reading("ftjob-a", "queued"), before, card_ts="1.000100")

    await _poll(store, recorder, reading("ftjob-a", "running"))

    assert await _enqueued(store, "C1") == await _enqueued(store, "C2") == [("change", "queued", "running")]


async def test_a_second_card_of_the_same_channel_replaces_the_first(store: Store, recorder: Recorder) -> None:
    for ts in ("1.000100", "1.000200"):
        await recorder.add_track(HERE, reading("ftjob-a", "queued"), None, card_ts=ts)

    assert [card.ts for card in await rows(store, schema.card)] == ["1.000200"]
    assert len(await store.channels.tracks.followers(ACCOUNT, "ftjob-a")) == 1


async def test_a_subscription_follows_what_is_open_without_a_word(store: Store, recorder: Recorder) -> None:
    found = [reading("ftjob-a", "running"), reading("ftjob-b", "succeeded"), reading("ftjob-c", "paused")]

    await recorder.subscribe(Subscription(ACCOUNT, "C1", "U1", 1000), PollResult(ACCOUNT, found, {}))

    followed = [each.track.job_id for each in await store.channels.tracks.in_channel("C1")]
    assert followed == ["ftjob-a", "ftjob-c"]
    assert await _enqueued(store) == []
    await _poll(store, recorder, *(reading(each.snapshot.id, "failed") for each in found))
    assert await _enqueued(store) == [
        (kind, before, "failed") for before in ("paused", "running") for kind in ("card", "change")
    ]


async def test_a_job_announced_elsewhere_between_the_cards_reading_and_the_track_is_caught_up(
    store: Store, recorder: Recorder
) -> None:
    async with store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, "C2", "U1", 0))
    await _poll(store, recorder, reading("ftjob-a", "failed"))

    await recorder.add_track(HERE, reading("ftjob-a", "queued"), None, card_ts="1.000100")
    await _poll(store, recorder, reading("ftjob-a", "failed"))

    assert await _enqueued(store) == [("change", "queued", "failed")]


async def test_a_card_without_a_status_takes_nothing_back(store: Store, recorder: Recorder) -> None:
    await _poll(store, recorder, reading("ftjob-a", "running"))
    before = await known_job(store, "ftjob-a")

    await recorder.add_track(HERE, reading("ftjob-a", ""), None, card_ts="1.000100")

    assert await known_job(store, "ftjob-a") == before


async def test_a_change_recorded_between_the_list_of_open_jobs_and_the_subscription_is_caught_up(
    store: Store, recorder: Recorder
) -> None:
    await add_jobs(store, reading("ftjob-a", "running"))
    known_before = await store.jobs.states.newest(ACCOUNT, 10)
    listed = [reading("ftjob-a", "running"), reading("ftjob-b", "running")]
    await _poll(store, recorder, reading("ftjob-a", "failed"), reading("ftjob-b", "failed"))

    await recorder.subscribe(Subscription(ACCOUNT, "C1", "U1", 1000), PollResult(ACCOUNT, listed, known_before))
    await _poll(store, recorder, reading("ftjob-a", "failed"), reading("ftjob-b", "failed"))

    alerts = [change for change in await _enqueued(store) if change[0] == "change"]
    assert alerts == [("change", "running", "failed")] * 2
