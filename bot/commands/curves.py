"""`curves`: a picture of what training measured.

It is posted where everybody of the channel sees it: Slack shows no file to one person alone, except in direct messages
(slackapi/node-slack-sdk#1790).
"""

import asyncio
import secrets

from bot.blocks.answers import note_message
from bot.blocks.curves import curves_message, sparkline_message
from bot.blocks.parts import code_span
from bot.commands.command import Command, Reply, Requester
from bot.commands.context import Context
from bot.commands.error_messages import post_failed
from bot.delivery.charts import Chart, alt_text
from bot.delivery.curves import load_chart
from bot.errors import ChartNotRendered
from bot.slack.errors import INVALID_CONTENT, RATE_LIMITED
from bot.slack.messages import FileUpload, OutgoingMessage, PostResult

WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds between two tries to show a picture: for some time Slack refuses one that it just got."""
NOT_UPLOADED = "No picture: Slack did not take it. Whoever runs this bot finds what is missing with `ftjob check`."
NOT_DRAWN = "No picture: it could not be drawn."
NOT_SHOWN = "No picture: Slack does not show it yet. Try again in a minute."


async def show(command: Command, context: Context) -> Reply:
    """Show the curves of a job: in its thread where the channel has a card of it, else in the channel."""
    (job_id,) = command.job_ids
    job = (await context.reads.job(job_id)).value.job
    chart = await load_chart(job, context.client)
    if chart is None:
        return Reply(
            note_message(f"{code_span(job_id)} has measured nothing yet. `/ftjob status {job_id}` shows how far it is.")
        )
    thread_ts = await context.store.jobs.cards.ts_of(context.account, job_id, command.requester.channel)
    why_not = await _share(chart, job_id, context, command.requester, thread_ts)
    if why_not:
        return Reply(sparkline_message(job_id, chart.curves, why_not))
    where = "in its thread" if thread_ts else "here"
    return Reply(note_message(f"The curves of {code_span(job_id)} are {where}."))


async def _share(chart: Chart, job_id: str, context: Context, asker: Requester, thread_ts: str | None) -> str | None:
    """Post a picture; return None, or why there is none."""
    try:
        png = await context.charts.png(chart)
    except ChartNotRendered:
        return NOT_DRAWN
    file = await context.upload(FileUpload(png, f"{job_id}.png", chart.title))
    if file is None:
        return NOT_UPLOADED
    message = curves_message(job_id, file, alt_text(chart))
    answer = await _posted(OutgoingMessage(asker.channel, message, secrets.token_urlsafe(8), thread_ts), context)
    if answer.ts or answer.maybe_posted:
        return None
    return NOT_SHOWN if answer.error in INVALID_CONTENT else post_failed(answer.error, asker.channel, asker)


async def _posted(outgoing: OutgoingMessage, context: Context) -> PostResult:
    for wait in WAITS:
        answer = await context.post(outgoing)
        if answer.error not in INVALID_CONTENT | RATE_LIMITED:
            return answer
        await asyncio.sleep(wait)
    return await context.post(outgoing)
