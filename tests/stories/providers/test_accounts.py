"""Several accounts: each answer says whose a job is, orders go where it is, and a dead account delays nobody."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.blocks.job import CANCEL, REFRESH
from bot.blocks.parts import format_day
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.stopwatch import stopwatch
from tests.stories.providers.accounts import RESEARCH, configured, new_api, two_accounts
from tests.stories.providers.native import found_in, pages_of
from tests.world import FAST_TUNING, World, cancel_request

BASE = "gpt-4o-mini-2024-07-18"
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
DEAD = Fault("answer", status=503, body="<html>down</html>")


def kill(api: FineTuningApi) -> None:
    api.faults.always("*", DEAD)


async def test_a_job_is_found_in_its_account_and_the_answer_says_which(any_world: World) -> None:
    world = any_world
    async with two_accounts(world) as (_, research):
        here, there = world.api.add_job(status="running"), research.add_job(status="running")
        first, second = await world.say(f"status {here}"), await world.say(f"status {there}")
        both = await world.say(f"status {here} {there}")

    assert "· account default\n" in first.plain_text
    assert "· account research\n" in second.plain_text
    rows = [line for line in both.plain_text.splitlines() if line.startswith(":") and "*ftjob-" in line]
    assert [row.rsplit(" · ", 1)[-1] for row in rows] == ["default", "research"]


async def test_one_account_alone_is_not_named(world: World) -> None:
    async with world.bot():
        job = world.api.add_job(status="running")
        answer = await world.say(f"status {job}")

    assert "Account" not in answer.plain_text
    assert "default" not in answer.plain_text


@pytest.mark.parametrize("typed", ["list account=research", "subscribe failed account='Research'"])
async def test_an_account_that_was_asked_for_as_metadata_is_no_filter_that_fits_nothing(
    world: World, typed: str
) -> None:
    async with two_accounts(world):
        answer = await world.say(typed)
        other = await world.say("list account=acme")
        assert "Did you mean `account:research`?" in answer.plain_text
        assert "account=acme" in other.plain_text, "jobs of several accounts may carry such a pair"
        assert "has no subscriptions" in (await world.say("subscriptions")).plain_text


async def test_an_alert_of_a_tracked_job_names_its_account(world: World) -> None:
    async with two_accounts(world) as (bot, research):
        job = research.add_job(status="running")
        await world.say(f"track {job}")
        research.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)
        card, *_ = world.messages_about(job)

    assert "account research" in card.plain_text
    assert "account research" in world.messages_about(job)[1].plain_text
    assert world.delivered(job) == ["Succeeded"]


async def test_an_action_goes_to_the_account_of_its_job_and_the_confirmation_names_it(any_world: World) -> None:
    world = any_world
    async with two_accounts(world) as (bot, research):
        job = research.add_job(status="running")
        question = await world.say(f"cancel {job}")
        assert " · account research · " in question.plain_text
        done = await world.press(question, "ftjob_confirm")
        assert "canceled" in done.plain_text
        rows = await bot.store.actions.audit.newest(10)
        posts = [entry for entry in research.request_log if entry.endpoint.startswith("POST")]

    assert world.actions == []
    assert [(entry.endpoint, entry.request["id"], entry.credential) for entry in posts] == [
        ("POST /fine_tuning/jobs/{id}/cancel", job, "research orders")
    ]
    assert {row.entry.account for row in rows} == {RESEARCH}
    assert cancel_request(job) not in world.actions


async def test_two_jobs_with_one_id_are_told_apart(any_world: World) -> None:
    world = any_world
    async with two_accounts(world) as (bot, research):
        job = world.api.add_job(status="running")
        research.add_job(id=job, status="running")
        await world.say(f"track {job} account:research")
        cards = world.messages_about(job)
        shown = await world.press(cards[0], CANCEL)
        assert " · account research · " in shown.plain_text
        await world.press(shown, "ftjob_confirm")
        of_default = await world.say(f"status {job} account:default")
        of_research = await world.press(of_default, REFRESH)
        untracked = await world.say(f"untrack {job} account:default")
        still = await world.say("tracked")
        await world.until_quiet(bot)

    posts = [entry.request["id"] for entry in research.request_log if entry.endpoint.startswith("POST")]
    assert (posts, world.actions) == ([job], [])
    assert "· account default" in of_default.plain_text
    assert "· account default" in of_research.plain_text
    assert "isn't tracked here" in untracked.plain_text
    assert "1 job tracked here" in still.plain_text


async def test_an_account_needs_a_job_with_it(world: World) -> None:
    async with two_accounts(world):
        answer, unknown = (
            await world.say("unmute account:research"),
            await world.say("status ftjob-abc123 account:none"),
        )

    assert "`account:` only works with a job." in answer.plain_text
    assert "There's no account named `none`." in unknown.plain_text


async def test_a_list_is_of_all_accounts_or_of_one(world: World) -> None:
    async with two_accounts(world) as (_, research):
        mine = [world.api.add_job(status="running", created_at=1_790_000_000 + n) for n in (1, 3)]
        theirs = [research.add_job(status="failed", created_at=1_790_000_000 + n) for n in (2, 4)]
        everything, one = await world.say("list"), await world.say("list account:research")
        failed, none = await world.say("list failed"), await world.say("list account:nobody")

    rows = [line for line in everything.plain_text.splitlines() if line.startswith(":") and "*ftjob-" in line]
    shown = [job for row in rows for job in [*mine, *theirs] if job in row]
    assert shown == [theirs[1], mine[1], theirs[0], mine[0]], "newest first, whosever it is"
    assert everything.plain_text.count(" · research") == 2
    assert all(job in one.plain_text for job in theirs)
    assert not any(job in one.plain_text for job in mine)
    assert "4 jobs:" in everything.plain_text
    assert not any(job in failed.plain_text for job in mine)
    assert "There's no account named `nobody`. Accounts: `default`, `research`." in none.plain_text


async def test_an_account_that_does_not_answer_hides_nothing_of_another(world: World) -> None:
    async with two_accounts(world) as (_, research):
        job = world.api.add_job(status="running")
        kill(research)
        listed, status = await world.say("list"), await world.say(f"status {job}")
        unknown, only = await world.say("status ftjob-nosuch"), await world.say("list account:research")
        models, about = await world.say("models"), await world.say("about")

    assert job in listed.plain_text
    assert "Account `research`: The API isn't responding properly" in listed.plain_text
    assert "· account default\n" in status.plain_text
    assert "No account that responded has the job `ftjob-nosuch`. Account `research`:" in unknown.plain_text
    assert only.plain_text.startswith(":warning: Account `research`:")
    assert "Account `research`:" in models.plain_text
    assert "account `default`, account `research`" in about.plain_text


async def test_a_job_that_nobody_has_is_said_of_all_accounts(world: World) -> None:
    async with two_accounts(world):
        answer = await world.say("status ftjob-nosuch")

    assert "I couldn't find job `ftjob-nosuch` in any account (`default`, `research`)." in answer.plain_text


async def test_a_subscription_is_to_all_accounts_or_to_one(world: World) -> None:
    async with two_accounts(world) as (bot, research):
        await world.say("subscribe")
        await world.say("subscribe account:research", channel=world.ops)
        again = await world.say("subscribe account:research")
        mine, theirs = world.api.add_job(status="queued"), research.add_job(status="queued")
        for job in (mine, theirs):
            await world.slack.request_log.wait_until(partial(world.messages_about, job), why=f"the card of {job}")
        await world.until_quiet(bot)
        listed = await world.say("subscriptions")
        ended = await world.say("unsubscribe")
        left = [each.channel for each in await bot.store.channels.subscriptions.by_person(world.olivia.id)]

    assert "already has that subscription" in again.plain_text
    assert "2 subscriptions here" in listed.plain_text
    assert "All new jobs in account `research`" in listed.plain_text
    assert [bool(world.messages_about(job, world.ops)) for job in (mine, theirs)] == [False, True]
    assert "in account `default`" in ended.plain_text
    assert left == [world.ops.id]


async def test_nothing_is_subscribed_where_one_of_all_accounts_does_not_answer(world: World) -> None:
    async with two_accounts(world) as (bot, research):
        kill(research)
        answer = await world.say("subscribe")
        rows = await bot.store.channels.subscriptions.in_channel(world.ml.id)
        alone = await world.say("subscribe account:default")

    assert "Account `research`:" in answer.plain_text
    assert (
        "No subscription was added. For one account only, run `/ftjob subscribe account:&lt;name&gt;` (accounts: "
        in answer.plain_text
    )
    assert rows == []
    assert alone.plain_text.startswith("Subscribed.")


async def test_what_is_muted_and_untracked_is_so_in_each_account(world: World) -> None:
    async with two_accounts(world) as (bot, research):
        mine, theirs = world.api.add_job(status="queued"), research.add_job(status="queued")
        await world.say(f"track {mine} {theirs}")
        await world.say("mute all 1h")
        shown = await world.say("settings")
        for api, job in ((world.api, mine), (research, theirs)):
            api.change(job, status="running")
        await world.until_quiet(bot)
        assert (world.delivered(mine), world.delivered(theirs)) == ([], [])
        await world.say("unmute")
        await world.slack.request_log.wait_until(
            lambda: "While muted" in world.ml.messages[-1].plain_text, why="the sum"
        )
        summed = world.ml.messages[-1].plain_text
        gone = await world.say(f"untrack {theirs}")
        left = await world.say("tracked")

    assert all(line.count("everything until") <= 1 for line in shown.plain_text.splitlines())
    assert f"|{mine}>* (default)" in summed
    assert f"|{theirs}>* (research)" in summed
    assert theirs in gone.plain_text
    assert mine in left.plain_text
    assert theirs not in left.plain_text


async def test_home_shows_the_jobs_and_the_health_of_each_account(world: World) -> None:
    async with two_accounts(world) as (_, research):
        mine, theirs = world.api.add_job(status="running"), research.add_job(status="running")
        await world.olivia.open_home()
        view = await world.slack.request_log.wait_until(
            lambda: world.slack.workspace.homes.get(world.olivia.id), why="Home"
        )
        text = str(view)

    for job, account in ((mine, "default"), (theirs, "research")):
        [row] = [line for line in view.plain_text.splitlines() if f"*{job}* · running" in line]
        assert row.endswith(f" · {account}")
    assert "account `research`: API OK" in text


async def test_the_alerts_of_an_account_do_not_wait_for_a_dead_one(world: World) -> None:
    async with two_accounts(world) as (bot, research):
        mine, theirs = world.api.add_job(status="queued"), research.add_job(status="queued")
        await world.say(f"track {mine} {theirs}")
        research.faults.always("*", Fault("hang", seconds=60.0))
        async with stopwatch() as took:
            world.api.change(mine, status="running")
            await world.until_delivered(mine, "Running")
        assert took.seconds < 10, "less than the deadline of a request that hangs"
        assert bot.broken_parts() == []
        research.faults.clear()


async def test_jobs_of_a_removed_account_are_followed_by_another_with_the_same_jobs(
    world: World,
) -> None:
    job = world.api.add_job(status="running")
    async with world.bot(**configured(world, world.api)) as bot:
        for account in (RESEARCH, "default"):
            await world.say(f"subscribe account:{account}")
        followed = [len(await bot.store.channels.tracks.followers(account, job)) for account in (RESEARCH, "default")]
        assert followed == [1, 0]
    async with world.bot() as bot:
        world.api.change(job, status="failed")
        await world.until_delivered(job, "Failed")
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Failed"]


async def test_what_is_pending_of_an_account_that_is_polled_no_more_is_still_sent(world: World) -> None:
    async with new_api() as research:
        job = research.add_job(status="running")
        async with world.bot(**configured(world, research)) as bot:
            await world.say(f"track {job}")
            question = await world.say(f"cancel {job}")
            world.slack.faults.always("chat.postMessage", Fault("answer", status=503))
            research.change(job, status="failed")
            await world.slack.request_log.wait_until(
                lambda: len(world.slack.request_log.for_endpoint("chat.postMessage")) > 1, why="a try"
            )
            del bot
        world.slack.faults.clear()
        world.skip(60)
        async with world.bot():
            await world.until_delivered(job, "Failed")
            pressed = await world.press(question, "ftjob_confirm")
            home = await world.say("tracked")

    alert = world.messages_about(job)[-1]
    assert "Open page" not in alert.plain_text
    assert "account research" in alert.plain_text
    assert "There's no account named `research`. Accounts: `default`." in pressed.plain_text
    assert job in home.plain_text
    assert world.actions == []


@pytest.mark.parametrize("verb", ["events", "checkpoints", "curves"])
async def test_every_read_of_a_job_goes_to_its_account(world: World, verb: str) -> None:
    async with two_accounts(world) as (_, research):
        job = research.add_job(status="running")
        await world.say(f"{verb} {job}")
        asked = [
            entry.endpoint
            for entry in world.api.request_log
            if entry.request.get("id") == job and "{id}/" in entry.endpoint
        ]
        found = [
            entry.endpoint
            for entry in research.request_log
            if entry.request.get("id") == job and "{id}/" in entry.endpoint
        ]

    assert asked == []
    assert found


async def test_the_deprecation_of_a_model_is_posted_with_its_account(world: World) -> None:
    world.tuning = FAST_TUNING
    async with new_api() as research:
        job = research.add_job(status="succeeded", fine_tuned_model=MODEL)
        ends = (datetime.fromtimestamp(world.clock(), UTC) + timedelta(7)).date()
        research.models[BASE] = research.models[BASE] | {"shutdown_date": ends.isoformat()}
        async with world.bot(**configured(world, research)):
            await world.say(f"track {job}")
        world.skip(3_700)
        async with world.bot(**configured(world, research)):
            await world.slack.request_log.wait_until(
                lambda: "retire on" in world.ml.messages[-1].plain_text, why="the end of the model"
            )

    assert (
        f"*Models based on `{BASE}` in account `research` retire on {format_day(ends)}"
        in world.ml.messages[-1].plain_text
    )


async def test_older_pages_of_all_accounts_show_each_job_exactly_once(world: World) -> None:
    async with two_accounts(world) as (_, research):
        at = 1_789_000_000
        jobs = [(world.api, research)[n % 3 == 0].add_job(status="queued", created_at=at + n) for n in range(47)]
        pages = await pages_of(world, await world.say("list all 10"))

    assert found_in(pages, r"\*(ftjob-\w+)\*") == jobs[::-1]
    assert len(pages) == 5
