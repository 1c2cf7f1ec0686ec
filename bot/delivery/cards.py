"""Card updates: each card shows the current state of its job. An update is idempotent, so it needs no lookup.

claim -> render -> update -> record the rendered generation
"""

import random

import structlog
from structlog.contextvars import bound_contextvars

from bot.blocks import Message
from bot.blocks.curves import curves_message, has_image, without_images
from bot.delivery.outcomes import end_direct_messages, repost_card
from bot.delivery.policy import MAX_BACKOFF, backoff, requested_pause
from bot.delivery.render import RenderContext, render_card
from bot.jobs.models import display_name
from bot.runtime.loops import Loop
from bot.slack.client import SlackClient
from bot.slack.errors import AUTH_ERRORS, CHANNEL_CLOSED, INVALID_CONTENT, MAYBE_POSTED, RATE_LIMITED, TEMPORARY_ERRORS
from bot.slack.messages import Lookup, OutgoingMessage, PostResult
from bot.store import Store
from bot.store.db.reasons import is_database_error
from bot.store.db.wakeups import Queue
from bot.store.jobs.cards import Edit, RateLimit
from bot.store.outbox.dead_letters import LOST_ACCESS
from bot.telemetry import metrics

CARD_DELETED = frozenset("message_not_found cant_update_message".split())
"""The card was deleted, or is no longer ours."""
PERMANENT_ERRORS = INVALID_CONTENT | frozenset("edit_window_closed is_inactive cant_edit".split())
"""A retry fails until the card has new content."""
SLACK_DOWN = TEMPORARY_ERRORS | MAYBE_POSTED | {"unreachable"}
"""Slack is down: a retry works after the outage."""
MAX_FAILURES = 6
"""Retries of a chart that Slack rejects; then the card waits for another one."""
FIRST_RETRY_SECONDS = 5.0
"""Seconds until the first retry of a rejected chart; doubled for each further one."""
CLOSED_RETRY_SECONDS = 3600.0
"""Seconds until the next retry in a closed channel or after an unknown error.

When a channel opens, an event of Slack causes a retry at once.
"""

log = structlog.get_logger()


class CardUpdater:
    """Worker that updates cards. It sleeps until a commit wakes it or the next update is due; it does not poll."""

    def __init__(
        self,
        store: Store,
        slack: SlackClient,
        context: RenderContext,
        rate_limit: RateLimit,
    ) -> None:
        self._store = store
        self._slack = slack
        self._context = context
        self._rate_limit = rate_limit
        self._loop = Loop("cards", self._update_due, wakeup=store.db.wakeups.subscribe(Queue.CARDS))

    def wake(self) -> None:
        """Check for due cards now: something was committed."""
        self._loop.wakeup.set()

    async def run(self) -> None:
        """Update cards until the task is canceled."""
        await self._loop.run()

    async def _update_due(self) -> float | None:
        """Update every card that is due; return the seconds until the next one is, None where none waits."""
        while edit := await self._store.jobs.cards.claim(self._rate_limit):
            with bound_contextvars(job=edit.card.job_id, channel=edit.card.channel):
                await self._update_or_abandon(edit)
        return await self._store.jobs.cards.seconds_to_next(self._rate_limit)

    async def _update_or_abandon(self, edit: Edit) -> None:
        try:
            await self._update(edit)
        except Exception:
            self._store.jobs.cards.abandon(edit)
            raise

    async def _update(self, edit: Edit) -> None:
        """Update one card; leave its chart out for now if Slack does not show that yet."""
        try:
            message = await render_card(self._store, edit.card, self._context)
        except Exception as error:
            if is_database_error(error):
                raise
            log.exception("card.render_failed")
            await self._store.jobs.cards.fail(edit, wait=0.0, give_up=True)
            return
        lacks_chart = has_image(message) and not await self._share_chart(edit)
        result = await self._edit(edit, without_images(message) if lacks_chart else message)
        if result.error in INVALID_CONTENT and has_image(message):
            lacks_chart = True
            result = await self._edit(edit, without_images(message))
        if result.ts and lacks_chart:
            wait = FIRST_RETRY_SECONDS * 2.0**edit.failures
            await self._store.jobs.cards.fail(edit, wait=wait, give_up=edit.failures >= MAX_FAILURES)
        elif result.ts:
            await self._store.jobs.cards.complete(edit)
        elif result.error in CARD_DELETED:
            await self._repost(edit)
        elif result.error == LOST_ACCESS:
            await self._end_direct_messages(edit)
        else:
            await self._postpone(edit, result)

    async def _edit(self, edit: Edit, message: Message) -> PostResult:
        channel, person = edit.card.channel, await self._store.channels.direct_messages.owner(edit.card.channel)
        result = await self._slack.edit(OutgoingMessage(channel, message, key="", person=person), edit.ts)
        metrics.CARD_EDITS.labels(_outcome(result)).inc()
        return result

    async def _share_chart(self, edit: Edit) -> bool:
        """Post the chart in the card's thread, if it was not yet: an update shows only files that a post has shared.

        Without it Slack accepts the update, but users see "file not found" (slackapi/java-slack-sdk#1441). For some
        seconds after the upload Slack often rejects the post.
        """
        card = edit.card
        snapshot = await self._store.jobs.snapshots.find(card.account, card.job_id)
        if snapshot is None or snapshot.chart is None or card.shared_chart == snapshot.chart.file_id:
            return True
        key = f"curves {snapshot.chart.file_id} {card.id}"
        # An earlier attempt may have posted it without a response.
        result = await self._slack.find(Lookup(card.channel, key, edit.ts, float(edit.ts)))
        if not result.ts:
            message = curves_message(display_name(snapshot.job), snapshot.chart.file_id, snapshot.chart.alt_text)
            person = await self._store.channels.direct_messages.owner(card.channel)
            shared = await self._slack.post(
                OutgoingMessage(card.channel, message, key, thread_ts=edit.ts, person=person)
            )
            if not shared.ts:
                log.info("chart.share_failed", error=shared.error)
                return False
        await self._store.jobs.cards.record_shared_chart(card, snapshot.chart.file_id)
        return True

    async def _repost(self, edit: Edit) -> None:
        log.info("card.deleted")
        card = edit.card
        async with self._store.db.transaction() as tx:
            if not await self._store.jobs.cards.mark_deleted(tx, edit):
                return
            await repost_card(self._store, tx, card)

    async def _end_direct_messages(self, edit: Edit) -> None:
        async with self._store.db.transaction() as tx:
            await end_direct_messages(self._store, tx, edit.card.channel)
        await self._store.jobs.cards.fail(edit, wait=0.0, give_up=True)

    async def _postpone(self, edit: Edit, result: PostResult) -> None:
        error = result.error or ""
        log.warning("card.update_failed", error=error)
        if error in RATE_LIMITED:
            await self._store.jobs.cards.fail(edit, wait=requested_pause(result), pause_all=True)
        elif error in CHANNEL_CLOSED:
            await self._store.jobs.cards.fail(edit, wait=CLOSED_RETRY_SECONDS)
        elif error in AUTH_ERRORS:
            await self._store.jobs.cards.fail(edit, wait=MAX_BACKOFF, pause_all=True)
        else:
            # Without a limit: the content of a finished job's card does not change anymore.
            is_down = result.maybe_posted or error in SLACK_DOWN
            jitter = random.random()  # noqa: S311 - spreads retries
            wait = backoff(edit.failures, jitter, MAX_BACKOFF if is_down else CLOSED_RETRY_SECONDS)
            await self._store.jobs.cards.fail(edit, wait=wait, give_up=error in PERMANENT_ERRORS)


def _outcome(result: PostResult) -> str:
    return "updated" if result.ts else "deleted" if result.error in CARD_DELETED else "failed"
