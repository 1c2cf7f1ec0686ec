"""The editor: keeps each card showing the present. An edit that is repeated is harmless, so nothing is looked up.

claim -> draw -> edit -> note which picture is shown
"""

import asyncio
import contextlib
import random
from collections.abc import Callable

import structlog

from bot import metrics
from bot.alerts.consequences import post_again
from bot.alerts.door import Door
from bot.alerts.draw import Drawing, Outgoing, draw_card
from bot.alerts.retry import (
    CHANNEL_CLOSED,
    LONGEST_BACKOFF,
    LONGEST_PAUSE,
    OUR_FAULT,
    RATE_LIMITED,
    SHORTEST_PAUSE,
    WORKSPACE_CLOSED,
    Answer,
)
from bot.store import Store
from bot.store.cards import Edit, Rhythm

CARD_GONE = frozenset("message_not_found cant_update_message".split())
"""Somebody deleted it, or it is not ours any more."""
NOT_AGAIN = OUR_FAULT | frozenset("edit_window_closed is_inactive cant_edit".split())
"""It will not work before there is something else to show."""
MOST_FAILURES = 6
"""Edits in a row that fail in a way that we do not know; then the card waits for another picture."""
FIRST_WAIT = 5.0
"""Seconds until a picture that Slack refused is shown to it again; each further wait is twice as long."""
CLOSED_WAIT = 3600.0
"""Seconds until a card in a closed channel is tried again, unless Slack says before that the channel is open."""
BROKEN_SECONDS = 1.0

log = structlog.get_logger()


class Editor:
    """Edits cards. It sleeps until a commit wakes it or its next edit is due; it never ticks."""

    def __init__(self, store: Store, door: Door, drawing: Drawing, rhythm: Rhythm, *, owed: Callable[[], None]) -> None:
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
                    await self._keep(edit)
                seconds = await self._store.cards.seconds_to_next(self._rhythm)
                self._broken = False
            except Exception:
                if not self._broken:
                    log.exception("cards.failing")
                self._broken = True
                seconds = BROKEN_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), seconds)

    async def _keep(self, edit: Edit) -> None:
        """Let one card show the present."""
        try:
            message = await draw_card(self._store, edit.card, self._drawing)
        except Exception:
            log.exception("card.not_drawn", job=edit.card.job_id, channel=edit.card.channel)
            await self._store.cards.failed(edit, wait=0.0, give_up=True)
            return
        answer = await self._door.edit(Outgoing(edit.card.channel, message, key=""), edit.ts)
        if answer.error in OUR_FAULT and any("slack_file" in block for block in message.blocks):
            await self._keep_without_picture(edit)
            return
        metrics.CARD_EDITS.labels(_outcome(answer)).inc()
        if answer.ts:
            await self._store.cards.edited(edit)
        elif answer.error in CARD_GONE:
            await self._post_again(edit)
        else:
            await self._put_off(edit, answer)

    async def _keep_without_picture(self, edit: Edit) -> None:
        """Show the rest now; Slack often refuses a picture that it just got, so that is tried again later."""
        message = await draw_card(self._store, edit.card, self._drawing, with_picture=False)
        answer = await self._door.edit(Outgoing(edit.card.channel, message, key=""), edit.ts)
        metrics.CARD_EDITS.labels("without_picture").inc()
        wait = FIRST_WAIT * 2.0**edit.failures
        await self._store.cards.failed(edit, wait=wait, give_up=bool(answer.ts) and edit.failures >= MOST_FAILURES)

    async def _post_again(self, edit: Edit) -> None:
        log.info("card.gone", job=edit.card.job_id, channel=edit.card.channel)
        card = edit.card
        async with self._store.db.transaction() as tx:
            if not await self._store.cards.lost(tx, edit):
                return
            await post_again(self._store, tx, card)
        self._owed()

    async def _put_off(self, edit: Edit, answer: Answer) -> None:
        error = answer.error or ""
        log.warning("card.not_edited", error=error, job=edit.card.job_id, channel=edit.card.channel)
        if error in RATE_LIMITED:
            pause = min(max(SHORTEST_PAUSE, answer.retry_after or SHORTEST_PAUSE), LONGEST_PAUSE)
            await self._store.cards.failed(edit, wait=pause, all_wait=True)
        elif error in CHANNEL_CLOSED:
            await self._store.cards.failed(edit, wait=CLOSED_WAIT)
        elif error in WORKSPACE_CLOSED:
            await self._store.cards.failed(edit, wait=LONGEST_BACKOFF, all_wait=True)
        else:
            backoff = min(LONGEST_BACKOFF, 2.0**edit.failures) * (0.5 + random.random() / 2)  # noqa: S311 - spreads retries
            give_up = error in NOT_AGAIN or edit.failures >= MOST_FAILURES
            await self._store.cards.failed(edit, wait=backoff, give_up=give_up)


def _outcome(answer: Answer) -> str:
    return "edited" if answer.ts else "gone" if answer.error in CARD_GONE else "refused"
