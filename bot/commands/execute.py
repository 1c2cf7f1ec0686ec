"""Orders to the fine-tuning API: each is given at most once, and what became of it is always found out and written down.

The order and its audit row are committed before the request. Where no answer came, the job is read; it is never ordered
a second time, whatever happened: a bot that comes back after an hour must not act on what somebody wanted then.
"""

import asyncio
from dataclasses import dataclass, replace

import structlog

from bot.blocks.notice import NoticeKind
from bot.blocks.order import doubt, found, in_vain, present, refused, sent, submitted, unsent
from bot.blocks.parts import code, mention
from bot.commands.command import Asker, Command
from bot.commands.context import Context
from bot.commands.error_messages import stale
from bot.errors import (
    AccessRefused,
    BrokenAnswer,
    ProviderError,
    Refusal,
    RequestRefused,
    TrainingClosed,
    Unreachable,
    UserError,
)
from bot.jobs.actions import WORDS, Order, came_too_late, shows
from bot.jobs.creation import REQUEST, Creation
from bot.providers.wire import Reading
from bot.runtime.failpoints import crash_point
from bot.store.actions.audit import Decision, Entry
from bot.store.actions.confirmations import Asked
from bot.store.db.engine import Transaction
from bot.store.jobs.jobs import KnownJob
from bot.tracking.notices import DAY
from bot.tracking.transitions import Seen

LOOKS_AFTER_DOUBT = (0.0, 1.0, 3.0)
"""Seconds before each look at a job whose order got no answer."""

WATCHED = 60.0
"""Seconds for which a job is watched for the effect of an order that got no answer."""

EVERY = 5.0
"""Seconds between two rounds for abandoned orders."""

_HOW = {Decision.DONE: "carried out", Decision.OVER: "came too late"}
"""Ends of which the job's own change tells its channels, in words for whoever gave the order."""

log = structlog.get_logger()


@dataclass(frozen=True)
class End:
    """What became of an order."""

    decision: Decision
    said: str
    reading: Reading | None = None
    reason: str | None = None
    request_id: str | None = None
    refused_key: str | None = None
    """What the API said of the key for orders, where that was the matter."""

    def for_audit(self) -> dict[str, str | None]:
        """Return what the audit keeps of it, beside the decision."""
        told = {"reason": self.reason, "request_id": self.request_id}
        if self.reading is None:
            return told
        return {**told, "job_id": self.reading.snapshot.id, "status_after": self.reading.snapshot.status}


async def place(asked: Asked, command: Command, context: Context) -> Asked | None:
    """Store an order, its audit row and the line in the job's threads, unless there is one; return that one, or None.

    Raises:
        UserError: the question grew too old in this moment.
    """
    store, question = context.store, asked.question
    async with store.db.transaction() as tx:
        await store.db.one_at_a_time(tx)
        if rival := await store.questions.rival(tx, question):
            return rival
        if not await store.questions.answer(tx, asked.key, status=question.status):
            raise UserError(stale(asked))
        facts = {"verb": question.verb, "person": question.person}
        await context.notices.tell_of_order(tx, question, NoticeKind.ORDER_GIVEN, asked.key, **facts)
        await store.audit.write(tx, _entry(asked, command.door, Decision.ORDERED, status_before=question.status))
    context.wake()
    return None


async def carry_out(asked: Asked, command: Command, context: Context, *, meanwhile: str = "") -> End:
    """Send an order that was placed, once, and return what became of it.

    Args:
        asked: the order; its status is the one that the job had just before.
        command: the press or form that it came from.
        context: the parts to work with.
        meanwhile: what the job went through since the question, safe mrkdwn.
    """
    known = await context.store.jobs.known(context.account, asked.question.job_id)
    crash_point("before_order")
    log.info("order.sent", verb=asked.question.verb, job=asked.question.job_id)
    end = await _send(asked, command.creation, context)
    end = replace(end, said=f"{end.said} {meanwhile}".strip())
    crash_point("after_order")
    context.shared.forget()
    if end.decision is Decision.UNKNOWN:
        # Not over: it is watched until its effect shows, or until it is clear that there is none.
        await context.store.questions.leave(asked.key)
    else:
        await _end(asked, end, known, command.door, context)
    return end


def taken(order: Asked, asker: Asker) -> str:
    """Return what to say to somebody who presses the button of an order that was given already, maybe by another."""
    if order.question.verb == Order.CREATE:
        return submitted(order.said)
    if order.question.person == asker.person and order.said:
        return order.said
    words = WORDS[Order(order.question.verb)]
    whose = "you" if order.question.person == asker.person else mention(order.question.person)
    if order.ended:
        return f"{code(order.question.job_id)} was {words.done} by {whose} a moment ago."
    return f"{code(order.question.job_id)} is already {words.under_way} by {whose}."


async def finish_abandoned(context: Context) -> None:
    """Find out, again and again, what became of orders that nobody works on: a process died, or no answer came."""
    broke = False
    while True:
        try:
            for asked, age in await context.store.questions.abandoned():
                await _finish(asked, age, context)
        except Exception:
            if not broke:
                log.exception("orders.broke")
            broke = True
        else:
            if broke:
                log.info("orders.mended")
            broke = False
        await asyncio.sleep(EVERY)


async def _finish(asked: Asked, age: float, context: Context) -> None:
    order = Order(asked.question.verb)
    if asked.question.account not in context.accounts:
        if age > WATCHED:
            lost = End(Decision.UNKNOWN, in_vain(order, asked.question.job_id, None))
            await _end(asked, lost, None, "start", context, tells_person=True)
        return
    context = context.at(asked.question.account)
    known = await context.store.jobs.known(context.account, asked.question.job_id)
    reading = await _look(asked, context)
    if reading and shows(order, reading.snapshot.status):
        await _end(asked, _found(order, reading), known, "start", context, tells_person=True)
    elif age > WATCHED:
        said = in_vain(order, asked.question.job_id, reading.job if reading else None)
        await _end(asked, End(Decision.UNKNOWN, said, reading), known, "start", context, tells_person=True)


async def _send(asked: Asked, creation: Creation | None, context: Context) -> End:
    order, job_id = Order(asked.question.verb), asked.question.job_id
    try:
        reading = await _give(asked, creation, context)
    except Unreachable as error:
        if error.maybe_done:
            return await _in_doubt(asked, context)
        return End(Decision.UNSENT, unsent(order), reason=str(error))
    except BrokenAnswer:
        return await _in_doubt(asked, context)
    except RequestRefused as error:
        return await _refused(asked, error, context)
    except ProviderError as error:
        said = context.upstream(error, None if creation else job_id)
        is_key = isinstance(error, AccessRefused) and error.reason in (Refusal.KEY, Refusal.RIGHTS)
        key = str(error) if is_key else None
        return End(Decision.REFUSED, said, reason=str(error), request_id=error.request_id, refused_key=key)
    return End(_worked(order, reading), sent(order, reading.job), reading, request_id=reading.request_id)


async def _give(asked: Asked, creation: Creation | None, context: Context) -> Reading:
    question = asked.question
    if creation:
        return await context.client.create(creation.body(request=question.job_id, owner=question.person))
    return await context.client.order(Order(question.verb), question.job_id)


async def _in_doubt(asked: Asked, context: Context) -> End:
    """Read a job whose order got no usable answer, a few times: the order may take a moment to show."""
    order, reading = Order(asked.question.verb), None
    for wait in LOOKS_AFTER_DOUBT:
        await asyncio.sleep(wait)
        reading = await _look(asked, context) or reading
        if reading and shows(order, reading.snapshot.status):
            return _found(order, reading)
    return End(Decision.UNKNOWN, doubt(order, reading.job if reading else None), reading)


def _found(order: Order, reading: Reading) -> End:
    """Return the end of an order without an answer whose job shows it by now."""
    return End(_worked(order, reading), found(order, reading.job), reading)


def _worked(order: Order, reading: Reading) -> Decision:
    """Return whether an order worked, by what was read of its job after it: not on one that had ended in another way."""
    return Decision.OVER if came_too_late(order, reading.snapshot.status) else Decision.DONE


async def _look(asked: Asked, context: Context) -> Reading | None:
    """Read the job of an order whose end is not known; None where it cannot be read, or is not there yet."""
    question = asked.question
    try:
        if question.verb == Order.CREATE:
            return await context.client.find(REQUEST, question.job_id)
        return await context.client.retrieve(question.job_id)
    except ProviderError as error:
        log.info("order.still_in_doubt", job=question.job_id, error=type(error).__name__)
        return None


async def _refused(asked: Asked, error: RequestRefused, context: Context) -> End:
    order, reading = Order(asked.question.verb), None
    said = context.upstream(error) if isinstance(error, TrainingClosed) else refused(order, str(error))
    if order is not Order.CREATE and (reading := await _look(asked, context)):
        said = f"{said} {present(order, reading.job)}"
    return End(Decision.REFUSED, said, reading, reason=str(error), request_id=error.request_id)


async def _end(
    asked: Asked, end: End, known: KnownJob | None, door: str, context: Context, *, tells_person: bool = False
) -> None:
    """Record what was read of the job; then write down what became of the order, and tell whom it concerns, at once."""
    store = context.store

    async def close(tx: Transaction) -> None:
        crash_point("before_order_end")
        if await store.questions.end(tx, asked.key, done=end.decision is Decision.DONE, said=end.said):
            await _tell(tx, asked, end, context, tells_person=tells_person)
            entry = _entry(asked, door, end.decision, status_before=asked.question.status, **end.for_audit())
            await store.audit.write(tx, entry)

    readings = [end.reading] if end.reading else []
    seen = Seen(context.account, readings, {known.id: known} if known else {})
    await context.recorder.record(seen, at_end=close)


async def _tell(tx: Transaction, asked: Asked, end: End, context: Context, *, tells_person: bool) -> None:
    notices, order, kind = context.notices, asked.question, NoticeKind.ORDER_ENDED
    if end.reading:
        order = replace(order, job_id=end.reading.snapshot.id)
    facts = {"verb": order.verb, "how": _HOW.get(end.decision, "not carried out"), "said": end.said}
    if end.decision not in _HOW:
        await notices.tell_of_order(tx, order, kind, asked.key, **facts)
    if tells_person:
        await notices.tell_person(tx, order, kind, asked.key, **facts)
    if end.refused_key:
        today = context.clock() // DAY * DAY
        await notices.tell(tx, NoticeKind.ORDERS_REFUSED, context.account, at=today, error=end.refused_key)


def _entry(asked: Asked, door: str, decision: Decision, **more: str | None) -> Entry:
    question = asked.question
    return Entry(
        question.person,
        question.team,
        question.channel,
        door,
        question.verb,
        decision,
        account=question.account,
        question=asked.key,
        **{"job_id": question.job_id, **more},
    )
