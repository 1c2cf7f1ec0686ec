"""`models`: the models that were made here, and when they stop."""

import asyncio
from datetime import UTC, date, datetime

from bot.blocks.known import unread
from bot.blocks.models import Made, model_list
from bot.commands.command import Command, Reply, start_of
from bot.commands.context import Context, names
from bot.errors import NotOffered, ProviderError
from bot.jobs.deprecation import ends_of
from bot.jobs.models import Model

_CHECKPOINT = ":ckpt-step-"


async def show(command: Command, context: Context) -> Reply:
    """Show the fine-tuned models of an account, or of all, those that stop first coming first."""
    places = context.meant(command.account)
    if len(places) == 1:
        made, silent = _made((await context.shared.models()).answer, None), list[str]()
    else:
        looks = await asyncio.gather(*map(_look, places))
        made = [each for look in looks if not isinstance(look, str) for each in look]
        silent = [look for look in looks if isinstance(look, str) and look]
        if silent and all(isinstance(look, str) for look in looks):
            return Reply(unread(silent))
        places = [each for each, look in zip(places, looks, strict=True) if look == "" or not isinstance(look, str)]
    whole = [each for each in made if _CHECKPOINT not in each.model]
    rows = sorted(sorted(whole, key=lambda each: -each.created), key=lambda each: each.ends or date.max)
    place = places[0].place if len(places) == 1 else f"the accounts {names(places)}"
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    of_account = f" account:{command.account}" if command.account else ""
    shown = model_list(
        rows,
        checkpoints=len(made) - len(whole),
        today=today,
        place=place,
        notes=silent,
        start=start_of(command, rows),
        command=f"models{of_account}",
    )
    return Reply(shown, replaces=command.replaces)


async def _look(there: Context) -> list[Made] | str:
    """Return the models of one of several accounts, or why it says nothing; "" where it never does."""
    try:
        return _made((await there.shared.models()).answer, there.named)
    except NotOffered:
        return ""
    except ProviderError as error:
        return f":warning: {there.upstream(error)}"


def _made(models: list[Model], account: str | None) -> list[Made]:
    announced = {each.id: each.shutdown_date for each in models if each.shutdown_date}
    tuned = [each for each in models if each.id.startswith("ft:")]
    return [Made(each.id, ends_of(each.id, announced), each.created or 0.0, account) for each in tuned]
