"""`models`: the models that were made here, and when they stop."""

import asyncio
from datetime import UTC, date, datetime

from bot.blocks.last_known import unreadable_message
from bot.blocks.models import FineTunedModel, model_list
from bot.commands.command import Command, Reply, page_start
from bot.commands.context import Context, account_names
from bot.errors import NotSupported, ProviderError
from bot.jobs.deprecation import shutdown_date_of
from bot.jobs.models import Model

_CHECKPOINT = ":ckpt-step-"


async def show(command: Command, context: Context) -> Reply:
    """Show the fine-tuned models of an account, or of all, those that stop first coming first."""
    places = context.selected_accounts(command.account)
    if len(places) == 1:
        made, silent = _made((await context.reads.models()).value, None), list[str]()
    else:
        looks = await asyncio.gather(*map(_look, places))
        made = [each for look in looks if not isinstance(look, str) for each in look]
        silent = [look for look in looks if isinstance(look, str) and look]
        if silent and all(isinstance(look, str) for look in looks):
            return Reply(unreadable_message(silent))
        places = [each for each, look in zip(places, looks, strict=True) if look == "" or not isinstance(look, str)]
    whole = [each for each in made if _CHECKPOINT not in each.model]
    rows = sorted(sorted(whole, key=lambda each: -each.created), key=lambda each: each.shutdown_date or date.max)
    place = places[0].label if len(places) == 1 else f"the accounts {account_names(places)}"
    today = datetime.fromtimestamp(context.clock(), UTC).date()
    of_account = f" account:{command.account}" if command.account else ""
    shown = model_list(
        rows,
        checkpoints=len(made) - len(whole),
        today=today,
        account_label=place,
        notes=silent,
        start=page_start(command, rows),
        command=f"models{of_account}",
    )
    return Reply(shown, replaces=command.replaces)


async def _look(there: Context) -> list[FineTunedModel] | str:
    """Return the models of one of several accounts, or why it says nothing; "" where it never does."""
    try:
        return _made((await there.reads.models()).value, there.display_name)
    except NotSupported:
        return ""
    except ProviderError as error:
        return f":warning: {there.error_text(error)}"


def _made(models: list[Model], account: str | None) -> list[FineTunedModel]:
    announced = {each.id: each.shutdown_date for each in models if each.shutdown_date}
    tuned = [each for each in models if each.id.startswith("ft:")]
    return [
        FineTunedModel(each.id, shutdown_date_of(each.id, announced), each.created or 0.0, account) for each in tuned
    ]
