"""`curves`: a chart of a job's training metrics.

It is posted where everybody of the channel sees it: Slack shows no file to one person alone, except in direct messages
(slackapi/node-slack-sdk#1790).
"""

import asyncio
import secrets
from dataclasses import dataclass

from bot.blocks.curves import curves_message, sparkline_message
from bot.blocks.job import job_title
from bot.blocks.replies import note_message
from bot.commands.accounts import Account
from bot.commands.arguments import one_job_id
from bot.commands.command import Command, Reply, Requester
from bot.commands.error_messages import post_failed
from bot.commands.services import Services
from bot.commands.usage import Usage
from bot.delivery.charts import Chart, alt_text
from bot.delivery.curves import load_chart
from bot.errors import ChartNotRendered
from bot.jobs.models import Job, display_name
from bot.slack.errors import INVALID_CONTENT, RATE_LIMITED, is_unconfirmed
from bot.slack.messages import FileUpload, OutgoingMessage, PostResult

USAGE = Usage("curves <id>", "post the loss or reward chart here", "curves ftjob-abc123")
WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds between two attempts to post a chart: for some time Slack rejects a file that was just uploaded."""
NOT_UPLOADED = (
    "Couldn't upload the chart to Slack. Try again in a minute, or ask your ftjob admin to run `ftjob check`."
)
NOT_RENDERED = "Couldn't draw the chart. Try again in a minute."
NOT_VISIBLE_YET = "Couldn't post the chart: Slack hasn't finished processing it. Try again in a minute."


@dataclass(frozen=True)
class CurvesCommand(Command):
    """`curves`."""

    verb = "curves"


def parse(words: list[str], requester: Requester) -> CurvesCommand:
    """Read the words after `curves`."""
    return CurvesCommand(requester, one_job_id(USAGE, words))


async def run(command: CurvesCommand, services: Services, account: Account) -> Reply:
    """Post the curves of a job: in its thread where the channel has its card, else in the channel."""
    (job_id,) = command.job_ids
    job = (await account.reads.job(job_id)).value.job
    chart = await load_chart(job, account.client)
    if chart is None:
        later = "" if job.is_final else f" yet. `/ftjob status {job_id}` shows its progress"
        return Reply(note_message(f"No metrics for {job_title(job)}{later}."))
    thread_ts = await services.store.jobs.cards.ts_of(account.name, job_id, command.requester.channel)
    shared = await _share(chart, job, services, command.requester, thread_ts)
    if isinstance(shared, str):
        return Reply(sparkline_message(display_name(job), chart.curves, shared))
    where = "in its thread" if thread_ts else "here"
    if shared.ts:
        return Reply(note_message(f"Posted the training chart for {job_title(job)} {where}."))
    unsure = f"Slack didn't confirm that the training chart for {job_title(job)} was posted. If you don't see it {where}, try again."
    return Reply(note_message(unsure))


async def _share(
    chart: Chart, job: Job, services: Services, requester: Requester, thread_ts: str | None
) -> PostResult | str:
    """Upload and post a chart; return the result of a post that Slack confirmed or may have taken, else why there is none."""
    try:
        png = await services.charts.png(chart)
    except ChartNotRendered:
        return NOT_RENDERED
    file = await services.slack.upload(FileUpload(png, f"{job.id}.png", chart.title))
    if file is None:
        return NOT_UPLOADED
    message = curves_message(display_name(job), file, alt_text(chart))
    outgoing = OutgoingMessage(requester.channel, message, secrets.token_urlsafe(8), thread_ts)
    result = await _post(outgoing, services)
    if result.ts or is_unconfirmed(result):
        return result
    if result.error in INVALID_CONTENT:
        return NOT_VISIBLE_YET
    return post_failed(result.error, requester.channel, requester, outcome="the chart wasn't posted")


async def _post(outgoing: OutgoingMessage, services: Services) -> PostResult:
    for wait in WAITS:
        result = await services.slack.post(outgoing)
        if result.error not in INVALID_CONTENT | RATE_LIMITED:
            return result
        await asyncio.sleep(wait)
    return await services.slack.post(outgoing)
