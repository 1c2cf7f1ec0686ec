"""Webhooks of the fine-tuning API: a job's end is seen at once, and what they say is believed of no job."""

import asyncio
from collections.abc import Callable

import aiohttp
import pytest

from bot.sandbox.openai.api.webhooks import WebhookEvent, WebhookSender, new_secret
from bot.sandbox.processes import free_port
from tests.world import World

LIST = "GET /fine_tuning/jobs"
SELDOM = "3600"
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


def arranged(world: World, *secrets: str, path: str = "/webhooks/openai") -> tuple[WebhookSender, dict[str, str]]:
    """Let the API send webhooks to the bot, signed with the first secret; return also what the bot is told of that."""
    port = world.environ()["PORT"] if world.transport == "http" else str(free_port())
    more = {"PORT": port, "FTJOB_HOST": "127.0.0.1", "OPENAI_WEBHOOK_SECRET": ",".join(secrets)}
    return world.api.add_webhook(f"http://127.0.0.1:{port}{path}", secrets[0]), more


def polls(world: World) -> int:
    return len(world.api.request_log.for_endpoint(LIST))


async def until_answered(webhooks: WebhookSender, *statuses: int) -> None:
    async with asyncio.timeout(300):
        while webhooks.response_statuses != list(statuses):  # noqa: ASYNC110 - the sender of webhooks tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", ["/webhooks/openai", "/webhooks/openai/default"])
async def test_the_result_of_a_job_is_posted_at_once_although_the_next_poll_is_far_away(
    any_world: World, path: str
) -> None:
    world = any_world
    webhooks, more = arranged(world, new_secret(), path=path)
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more) as bot:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await until_answered(webhooks, 200)
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Succeeded"]
    assert world.ops.messages == []


async def test_a_webhook_that_comes_after_the_poll_posts_nothing_twice(any_world: World) -> None:
    world = any_world
    webhooks, more = arranged(world, new_secret())
    async with world.bot(**more) as bot:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        world.api.change(job, status="failed", error={"code": "x", "message": "Bad.", "param": None})
        await world.until_delivered(job, "Failed")
        webhooks.send_event("fine_tuning.job.failed", job)
        await until_answered(webhooks, 200, 200)
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Failed"]


async def test_a_webhook_that_lies_lets_the_bot_poll_and_changes_nothing(world: World) -> None:
    webhooks, more = arranged(world, new_secret())
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more) as bot:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        before = polls(world)
        webhooks.send_event("fine_tuning.job.succeeded", job)
        await world.api.request_log.wait_until(lambda: polls(world) > before, why="a look")
        webhooks.send_event("fine_tuning.job.cancelled", "ftjob-of-nobody")
        await until_answered(webhooks, 200, 200)
        await world.until_quiet(bot)

    assert world.delivered(job) == []
    [card] = world.ml.messages
    assert "running" in card.plain_text


async def test_a_repetition_and_an_event_of_another_kind_are_accepted_without_a_poll(world: World) -> None:
    webhooks, more = arranged(world, new_secret())
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more):
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        before = polls(world)
        first = webhooks.send_event("fine_tuning.job.succeeded", job)
        await world.api.request_log.wait_until(lambda: polls(world) > before, why="a look")
        seen = polls(world)
        webhooks.deliver(first)
        webhooks.send_event("batch.completed", job)
        await until_answered(webhooks, 200, 200, 200)
        webhooks.send_event("fine_tuning.job.failed", job)
        await world.api.request_log.wait_until(lambda: polls(world) > seen, why="a look")
        await until_answered(webhooks, 200, 200, 200, 200)

    assert polls(world) == seen + 1


async def test_both_secrets_count_while_one_replaces_the_other(world: World) -> None:
    old, new = new_secret(), new_secret()
    webhooks, more = arranged(world, old, new)
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more):
        webhooks.send_event("fine_tuning.job.succeeded", "ftjob-abc")
        await until_answered(webhooks, 200)
        webhooks.secret = new
        webhooks.send_event("fine_tuning.job.succeeded", "ftjob-abc")
        await until_answered(webhooks, 200, 200)


async def test_a_webhook_that_comes_again_after_sixty_hours_starts_nothing(world: World) -> None:
    webhooks, more = arranged(world, new_secret())
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more) as bot:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        assert await bot.store.actions.idempotency_keys.claim("wh_1")
        world.skip(60 * 3600)
        assert not await bot.store.actions.idempotency_keys.claim("wh_1")
        world.skip(21 * 3600)
        assert await bot.store.actions.idempotency_keys.claim("wh_1"), "nothing is kept for ever"
        webhooks.send_event("fine_tuning.job.succeeded", job)
        await until_answered(webhooks, 200)


async def test_an_event_that_contradicts_a_poll_posts_nothing(world: World) -> None:
    webhooks, more = arranged(world, new_secret())
    async with world.bot(**more) as bot:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        webhooks.send_event("fine_tuning.job.failed", job)
        await until_answered(webhooks, 200, 200)
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Succeeded"]


async def test_what_is_signed_and_no_json_is_accepted_without_a_poll(world: World) -> None:
    webhooks, more = arranged(world, new_secret())
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more), aiohttp.ClientSession() as session:
        before = polls(world)
        for body in (b"no json", b"[]", b'{"type": 7}'):
            odd = WebhookEvent(body)
            headers = odd.headers(webhooks.secret, world.clock())
            async with session.post(webhooks.url, data=odd.body, headers=headers) as answer:
                assert answer.status == 200
    assert polls(world) == before


GOOD = WebhookEvent(b'{"id": "evt_1", "type": "fine_tuning.job.succeeded", "data": {"id": "ftjob-abc"}}')
TWO_READINGS = (
    b'{"type": "fine_tuning.job.succeeded", "type": "batch.completed"}',
    b'{"type": "fine_tuning.job.succeeded", "data": {"id": "a", "\\u0069d": "b"}}',
    b'{"type": "fine_tuning.job.succeeded", "created_at": NaN}',
    b'{"type": "fine_tuning.job.succeeded", "created_at": 1e999}',
)


async def test_a_webhook_that_can_be_read_in_two_ways_is_refused_and_starts_nothing(world: World) -> None:
    webhooks, more = arranged(world, new_secret())
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more), aiohttp.ClientSession() as session:
        before = polls(world)
        for body in TWO_READINGS:
            odd = WebhookEvent(body)
            headers = odd.headers(webhooks.secret, world.clock())
            async with session.post(webhooks.url, data=odd.body, headers=headers) as answer:
                assert answer.status == 400, body
        packed = {**GOOD.headers(webhooks.secret, world.clock()), "Content-Encoding": "gzip"}
        async with session.post(webhooks.url, data=GOOD.body, headers=packed) as answer:
            assert answer.status == 415
    assert polls(world) == before


Change = Callable[[dict[str, str]], object]
FORGERIES: dict[str, tuple[int, Change]] = {
    "no signature": (401, lambda headers: headers.pop("webhook-signature")),
    "no id": (401, lambda headers: headers.pop("webhook-id")),
    "no timestamp": (401, lambda headers: headers.pop("webhook-timestamp")),
    "another id": (401, lambda headers: headers.update({"webhook-id": "wh_other"})),
    "another moment": (
        401,
        lambda headers: headers.update({"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
    ),
    "a moment that is none": (401, lambda headers: headers.update({"webhook-timestamp": "soon"})),
    "no number": (401, lambda headers: headers.update({"webhook-timestamp": "nan"})),
    "no end": (401, lambda headers: headers.update({"webhook-timestamp": "inf"})),
    "two signatures, the second of which is right": (
        200,
        lambda headers: headers.update({"webhook-signature": f"v1,{'A' * 43}= {headers['webhook-signature']}"}),
    ),
    "a signature that is none": (401, lambda headers: headers.update({"webhook-signature": "v1"})),
    "a signature of no base64": (401, lambda headers: headers.update({"webhook-signature": "v1,*"})),
    "another version": (
        401,
        lambda headers: headers.update({"webhook-signature": "v2" + headers["webhook-signature"][2:]}),
    ),
    "a form": (415, lambda headers: headers.update({"Content-Type": "application/x-www-form-urlencoded"})),
    "as it is": (200, lambda headers: headers),
}


@pytest.mark.parametrize(("status", "change"), FORGERIES.values(), ids=FORGERIES)
async def test_what_openai_did_not_sign_is_refused_and_starts_nothing(
    world: World, status: int, change: Change
) -> None:
    webhooks, more = arranged(world, new_secret())
    headers = GOOD.headers(webhooks.secret, world.clock())
    change(headers)
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more), aiohttp.ClientSession() as session:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        before = polls(world)
        async with session.post(webhooks.url, data=GOOD.body, headers=headers) as answer:
            assert answer.status == status
            assert await answer.text() == {
                401: '{"error":"unauthorized"}',
                415: '{"error":"unsupported_media_type"}',
            }.get(status, "")
        if status == 200:
            await world.api.request_log.wait_until(lambda: polls(world) > before, why="a look")

    assert (polls(world) > before) == (status == 200)


@pytest.mark.parametrize("age", [-302, 302])
async def test_what_is_too_old_or_too_new_is_refused(world: World, age: int) -> None:
    webhooks, more = arranged(world, new_secret())
    async with world.bot(FTJOB_POLL_SECONDS=SELDOM, **more), aiohttp.ClientSession() as session:
        headers = GOOD.headers(webhooks.secret, world.clock() + age)
        async with session.post(webhooks.url, data=GOOD.body, headers=headers) as answer:
            assert answer.status == 401
        async with session.get(webhooks.url) as answer:
            assert answer.status == 405
        async with session.post(webhooks.url, data=b"x" * 70_000, headers=headers) as answer:
            assert answer.status == 413
    assert polls(world) <= 1


async def test_without_a_secret_there_is_no_such_route(world: World) -> None:
    port = str(free_port())
    url = f"http://127.0.0.1:{port}/webhooks/openai"
    async with (
        world.bot(PORT=port, FTJOB_HOST="127.0.0.1"),
        aiohttp.ClientSession() as session,
        session.post(url, data=b"{}") as answer,
    ):
        assert answer.status == 404
