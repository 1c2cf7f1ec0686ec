"""The editor: keeps each card showing the present. An edit that is repeated is harmless, so nothing is looked up.

claim -> draw -> edit -> note which picture is shown
"""

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog
from structlog.contextvars import bound_contextvars

from bot.blocks import Message
from bot.blocks.curves import has_picture, shown, without_picture
from bot.delivery.outcomes import end_direct_messages, post_again
from bot.delivery.policy import LONGEST_BACKOFF, backoff, pause_asked
from bot.delivery.render import Drawing, draw_card
from bot.slack.client import Gateway
from bot.slack.errors import (
    CHANNEL_CLOSED,
    LOST_ACCESS,
    MAYBE_POSTED,
    OUR_FAULT,
    RATE_LIMITED,
    REFUSED_FOR_NOW,
    WORKSPACE_CLOSED,
)
from bot.slack.messages import Answer, Outgoing, Sought
from bot.store import Store
from bot.store.db.persist import BROKEN_SECONDS
from bot.store.db.reasons import is_of_database
from bot.store.jobs.cards import Edit, Rhythm
from bot.telemetry import metrics

CARD_GONE = frozenset("message_not_found cant_update_message".split())
"""Somebody deleted it, or it is not ours any more."""
NOT_AGAIN = OUR_FAULT | frozenset("edit_window_closed is_inactive cant_edit".split())
"""It will not work before there is something else to show."""
SLACK_AWAY = REFUSED_FOR_NOW | MAYBE_POSTED | {"unreachable"}
"""It works again when the outage is over."""
MOST_FAILURES = 6
"""How often a picture that Slack refuses is shown to it; then the card waits for another one."""
FIRST_WAIT = 5.0
"""Seconds until a picture that Slack refused is shown to it again; each further wait is twice as long."""
CLOSED_WAIT = 3600.0
"""Seconds until a card in a closed channel, or that Slack does not take for a reason that we do not know, is tried again.

A channel that opens is told by Slack, and tried at once.
"""

log = structlog.get_logger()


class Editor:
    """Edits cards. It sleeps until a commit wakes it or its next edit is due; it never ticks."""

    def __init__(
        self, store: Store, door: Gateway, drawing: Drawing, rhythm: Rhythm, *, owed: Callable[[], None]
    ) -> None:
        """Take what it needs; ``owed`` is called after a commit that owes a new card."""
        self._store = store
        self._door = door
        self._drawing = drawing
        self._rhythm = rhythm
        self._owed = owed
        self._woken = asyncio.Event()
        self._broken = False

    def wake(self) -> None:
        """Look at the cards now: something was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Edit until cancelled. Where the database does not work it tries again each second."""
        while True:
            self._woken.clear()
            try:
                while edit := await self._store.cards.claim(self._rhythm):
                    with bound_contextvars(job=edit.card.job_id, channel=edit.card.channel):
                        await self._keep_or_abandon(edit)
                seconds = await self._store.cards.seconds_to_next(self._rhythm)
                self._broken = False
            except Exception:
                if not self._broken:
                    log.exception("cards.failing")
                self._broken = True
                seconds = BROKEN_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), seconds)

    async def _keep_or_abandon(self, edit: Edit) -> None:
        try:
            await self._keep(edit)
        except Exception:
            self._store.cards.abandon(edit)
            raise

    async def _keep(self, edit: Edit) -> None:
        """Let one card show the present, for now without the picture of its curves where Slack does not show that yet."""
        try:
            message = await draw_card(self._store, edit.card, self._drawing)
        except Exception as error:
            if is_of_database(error):
                raise
            log.exception("card.not_drawn")
            await self._store.cards.failed(edit, wait=0.0, give_up=True)
            return
        lacks_picture = has_picture(message) and not await self._share(edit)
        answer = await self._edit(edit, without_picture(message) if lacks_picture else message)
        if answer.error in OUR_FAULT and has_picture(message):
            lacks_picture = True
            answer = await self._edit(edit, without_picture(message))
        if answer.ts and lacks_picture:
            wait = FIRST_WAIT * 2.0**edit.failures
            await self._store.cards.failed(edit, wait=wait, give_up=edit.failures >= MOST_FAILURES)
        elif answer.ts:
            await self._store.cards.edited(edit)
        elif answer.error in CARD_GONE:
            await self._post_again(edit)
        elif answer.error == LOST_ACCESS:
            await self._end_direct_messages(edit)
        else:
            await self._put_off(edit, answer)

    async def _edit(self, edit: Edit, message: Message) -> Answer:
        channel, person = edit.card.channel, await self._store.direct.person(edit.card.channel)
        answer = await self._door.edit(Outgoing(channel, message, key="", person=person), edit.ts)
        metrics.CARD_EDITS.labels(_outcome(answer)).inc()
        return answer

    async def _share(self, edit: Edit) -> bool:
        """Share the picture in the card's thread: an edit shows people only what a post has shown in the channel.

        Slack takes the edit all the same, and they see "file not found" (slackapi/java-slack-sdk#1441). A post of a picture
        that Slack just got it often refuses for some seconds.
        """
        card = edit.card
        known = await self._store.pictures.find(card.account, card.job_id)
        if known is None or known.chart is None or card.shared == known.chart.file:
            return True
        key = f"curves {known.chart.file} {card.id}"
        # In case a process died, or heard no answer, after it had posted.
        sight = await self._door.find(Sought(card.channel, key, edit.ts, float(edit.ts)))
        if not sight.ts:
            message = shown(card.job_id, known.chart.file, known.chart.says)
            person = await self._store.direct.person(card.channel)
            answer = await self._door.post(Outgoing(card.channel, message, key, thread_ts=edit.ts, person=person))
            if not answer.ts:
                log.info("curves.not_shared", error=answer.error)
                return False
        await self._store.cards.share(card, known.chart.file)
        return True

    async def _post_again(self, edit: Edit) -> None:
        log.info("card.gone")
        card = edit.card
        async with self._store.db.transaction() as tx:
            if not await self._store.cards.lost(tx, edit):
                return
            await post_again(self._store, tx, card)
        self._owed()

    async def _end_direct_messages(self, edit: Edit) -> None:
        async with self._store.db.transaction() as tx:
            await end_direct_messages(self._store, tx, edit.card.channel)
        await self._store.cards.failed(edit, wait=0.0, give_up=True)

    async def _put_off(self, edit: Edit, answer: Answer) -> None:
        error = answer.error or ""
        log.warning("card.not_edited", error=error)
        if error in RATE_LIMITED:
            await self._store.cards.failed(edit, wait=pause_asked(answer), all_wait=True)
        elif error in CHANNEL_CLOSED:
            await self._store.cards.failed(edit, wait=CLOSED_WAIT)
        elif error in WORKSPACE_CLOSED:
            await self._store.cards.failed(edit, wait=LONGEST_BACKOFF, all_wait=True)
        else:
            # However long it takes: what a card of a finished job has to show does not change any more.
            is_away = answer.maybe_posted or error in SLACK_AWAY
            luck = random.random()  # noqa: S311 - spreads retries
            wait = backoff(edit.failures, luck, LONGEST_BACKOFF if is_away else CLOSED_WAIT)
            await self._store.cards.failed(edit, wait=wait, give_up=error in NOT_AGAIN)


def _outcome(answer: Answer) -> str:
    return "edited" if answer.ts else "gone" if answer.error in CARD_GONE else "refused"
