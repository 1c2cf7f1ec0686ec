"""`models`: the models that were made here, and when they stop."""

from datetime import UTC, date, datetime

from bot.blocks.models import model_list
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.jobs.retirement import ends_of

_CHECKPOINT = ":ckpt-step-"


async def show(_command: Command, context: Context) -> Reply:
    """Show the account's fine-tuned models, those that stop first coming first."""
    read = await context.shared.models()
    announced = {each.id: each.shutdown_date for each in read.answer if each.shutdown_date}
    made = [each for each in read.answer if each.id.startswith("ft:")]
    whole = [each for each in made if _CHECKPOINT not in each.id]
    newest_first = sorted(whole, key=lambda each: -(each.created or 0))
    rows = sorted([(each.id, ends_of(each.id, announced)) for each in newest_first], key=lambda row: row[1] or date.max)
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    place = context.client.account.place
    return Reply(model_list(rows, checkpoints=len(made) - len(whole), today=today, place=place))
