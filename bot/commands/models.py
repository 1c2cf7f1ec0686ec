"""`models`: the fine-tuned models of the accounts, and when they shut down."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from bot.blocks import Message
from bot.blocks.last_known import unreadable_message
from bot.blocks.models import FineTunedModel, model_list
from bot.commands.accounts import Account, account_series, gather
from bot.commands.arguments import no_arguments, page_after
from bot.commands.command import Command, Reply, Requester, page_start
from bot.commands.filters import read_account
from bot.commands.services import Services
from bot.commands.usage import Usage
from bot.errors import NotSupported
from bot.jobs.deprecation import date_of

USAGE = Usage("models [account:name]", "list your fine-tuned models, soonest to retire first", "models")
_CHECKPOINT = ":ckpt-step-"


@dataclass(frozen=True)
class ModelsCommand(Command):
    """`models`."""

    verb = "models"

    after: str | None = None
    """How many rows were shown before."""


def parse(words: list[str], requester: Requester) -> ModelsCommand:
    """Read the words after `models`."""
    words, after = page_after(words)
    words, account = read_account(USAGE, words)
    no_arguments(USAGE, words)
    return ModelsCommand(requester, account=account, after=after)


async def run(command: ModelsCommand, services: Services, _account: Account) -> Reply:
    """Show the fine-tuned models of one account or of all, those that shut down first coming first."""
    accounts = services.accounts.selected(command.account)
    if len(accounts) == 1:
        return Reply(
            _message(command, services, accounts, await fine_tuned_models(accounts[0], account_name=None), []),
            replaces=command.replaces,
        )
    gathered = await gather(accounts, lambda account: fine_tuned_models(account, account_name=account.name))
    # An account that never lists models is left out without a word.
    silent = {account: error for account, error in gathered.errors if not isinstance(error, NotSupported)}
    errors = [f":warning: {account.error_text(error)}" for account, error in silent.items()]
    if errors and not gathered.values:
        return Reply(unreadable_message(errors))
    models = [model for _, found in gathered.values for model in found]
    read = [account for account in accounts if account not in silent]
    return Reply(_message(command, services, read, models, errors), replaces=command.replaces)


def _message(
    command: ModelsCommand,
    services: Services,
    accounts: list[Account],
    models: list[FineTunedModel],
    notes: list[str],
) -> Message:
    rows = by_shutdown(models)
    of_account = f" account:{command.account}" if command.account else ""
    return model_list(
        rows,
        checkpoints=len(models) - len(rows),
        today=datetime.fromtimestamp(services.now(), UTC).date(),
        account_label=accounts[0].label if len(accounts) == 1 else f"accounts {account_series(accounts)}",
        notes=notes,
        start=page_start(command.after, rows),
        command=f"models{of_account}",
    )


def by_shutdown(models: Iterable[FineTunedModel]) -> list[FineTunedModel]:
    """Return the models that are no checkpoints, nearest shutdown first, newest first among equals."""
    whole = sorted((each for each in models if _CHECKPOINT not in each.model), key=lambda each: -each.created)
    return sorted(whole, key=lambda each: each.shutdown_date or date.max)


async def fine_tuned_models(account: Account, *, account_name: str | None) -> list[FineTunedModel]:
    """Return an account's fine-tuned models, checkpoints among them; ``account_name`` is shown with each.

    Raises:
        ProviderError: the account did not list them.
    """
    models = (await account.reads.models()).value
    announced = {each.id: each.shutdown_date for each in models if each.shutdown_date}
    tuned = [each for each in models if each.id.startswith("ft:")]
    return [FineTunedModel(each.id, date_of(each.id, announced), each.created or 0.0, account_name) for each in tuned]
