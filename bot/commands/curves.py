"""`curves`: a picture of what training measured."""

from bot.alerts.door import Upload
from bot.alerts.illustrator import chart_of
from bot.blocks.answers import note
from bot.blocks.curves import sparklines
from bot.blocks.parts import code
from bot.charts import Chart, in_words
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.errors import ChartNotDrawn


async def show(command: Command, context: Context) -> Reply:
    """Share the curves of a job: in its thread where the channel has a card of it, else in the channel."""
    (job_id,) = command.job_ids
    job = (await context.shared.job(job_id)).answer.job
    chart = await chart_of(job, context.client)
    if chart is None:
        return Reply(note(f"{code(job_id)} has measured nothing yet. `/ftjob events {job_id}` shows its log."))
    async with context.store.db.transaction() as tx:
        place, _ = await context.store.cards.of(tx, context.account, job_id, command.asker.channel)
    if await _share(chart, context, command.asker.channel, place.ts):
        where = "in its thread" if place.ts else "here"
        return Reply(note(f"The curves of {code(job_id)} are {where}."))
    return Reply(sparklines(job_id, chart.curves))


async def _share(chart: Chart, context: Context, channel: str, thread_ts: str | None) -> bool:
    try:
        png = await context.charts.png(chart)
    except ChartNotDrawn:
        return False
    upload = Upload(png, "curves.png", chart.title, in_words(chart), channel, thread_ts)
    return await context.upload(upload) is not None
