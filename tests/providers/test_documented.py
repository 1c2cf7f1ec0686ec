"""The table of docs/accounts.md is the registry's."""

from pathlib import Path

from bot.jobs.actions import JobAction
from bot.providers.dialect import Dialect
from bot.providers.registry import dialects


def row(dialect: Dialect) -> str:
    def said(*, is_there: object) -> str:
        return "yes" if is_there else "no"

    pause, resume = JobAction.PAUSE in dialect.actions, JobAction.RESUME in dialect.actions
    has_curves = dialect.events or dialect.metrics or any(each.metrics_file for each in dialect.listings)
    cells = [
        dialect.name,
        f"`{dialect.id}`",
        said(is_there=JobAction.CANCEL in dialect.actions),
        "yes" if pause and resume else "resume" if resume else "no",
        said(is_there=JobAction.CREATE in dialect.actions),
        said(is_there=dialect.events),
        said(is_there=dialect.checkpoints),
        said(is_there=has_curves),
        said(is_there=dialect.models),
    ]
    return f"| {' | '.join(cells)} |"


def test_the_table_of_providers_is_what_their_dialects_say() -> None:
    text = Path("docs/accounts.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("| ") and "`" in line and "provider =" not in line]
    assert table == [row(each) for each in dialects().values()]


def test_every_provider_has_an_example_account() -> None:
    text = Path("docs/accounts.md").read_text()
    assert [name for name in dialects() if f'provider = "{name}"' not in text] == []
