import asyncio

from bot.store import Store, schema
from bot.store.questions import LIFETIME, Question
from tests.store.seeds import rows
from tests.store.times import Time

CANCEL = Question("cancel", "default", "ftjob-a", "U1", "C1")


async def test_a_question_is_answered_by_whom_it_was_put_to(store: Store) -> None:
    key = await store.questions.ask(CANCEL)

    assert await store.questions.answer(key, person="U1", channel="C1") == CANCEL


async def test_a_question_is_answered_once(store: Store) -> None:
    key = await store.questions.ask(CANCEL)

    answers = await asyncio.gather(*(store.questions.answer(key, person="U1", channel="C1") for _ in range(10)))

    assert [answer for answer in answers if answer] == [CANCEL]
    assert await store.questions.answer(key, person="U1", channel="C1") is None


async def test_nobody_else_and_nowhere_else_can_a_question_be_answered(store: Store) -> None:
    key = await store.questions.ask(CANCEL)

    assert await store.questions.answer(key, person="U2", channel="C1") is None
    assert await store.questions.answer(key, person="U1", channel="C2") is None
    assert await store.questions.answer("no-such-key", person="U1", channel="C1") is None
    assert await store.questions.answer(key, person="U1", channel="C1") == CANCEL


async def test_a_question_grows_old(store: Store, time: Time) -> None:
    in_time, too_late = await store.questions.ask(CANCEL), await store.questions.ask(CANCEL)

    await time.passes(store, LIFETIME - 5)
    assert await store.questions.answer(in_time, person="U1", channel="C1") == CANCEL
    await time.passes(store, 10)
    assert await store.questions.answer(too_late, person="U1", channel="C1") is None


async def test_every_question_has_a_key_of_its_own_that_cannot_be_guessed(store: Store) -> None:
    keys = {await store.questions.ask(CANCEL) for _ in range(20)}

    assert len(keys) == 20
    assert all(len(key) >= 24 for key in keys)
    assert {row.answered_at for row in await rows(store, schema.question)} == {None}
