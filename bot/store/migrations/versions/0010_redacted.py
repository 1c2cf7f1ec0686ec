"""Secrets in what older versions stored: a field's name tells them now, so bodies are redacted as new ones are when read.

The audit stays as it is: it never held a body, and a row that changes breaks its chain.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from bot.telemetry.redaction import redacted, without_secrets

revision = "0010"
down_revision = "0009"

BATCH = 500
"""Rows that are held in memory at once."""


def upgrade() -> None:
    # No digest is empty: the next read finds the description changed, and the card is drawn again.
    _redact("picture", ("account", "job_id"), "body", digest="")
    _redact("change", ("id",), "body")
    _redact("delivery", ("id",), "notice")
    _redact("change", ("id",), "reason")


def _redact(name: str, keys: tuple[str, ...], column: str, **more: str) -> None:
    table = sa.table(name, *map(sa.column, (*keys, column, *more)))
    key = sa.tuple_(*(table.c[each] for each in keys))
    rows = sa.select(*(table.c[each] for each in (*keys, column))).where(table.c[column].is_not(None)).limit(BATCH)
    mine = sa.and_(*(table.c[each] == sa.bindparam(f"key_{each}") for each in keys))
    change = sa.update(table).where(mine).values({column: sa.bindparam("fit"), **more})
    batch = op.get_bind().execute(rows.order_by(*key.clauses)).all()
    while batch:
        fit = [(row, _fit(row[-1])) for row in batch]
        if values := [_values(keys, row, text) for row, text in fit if text != row[-1]]:
            op.get_bind().execute(change, values)
        after = sa.tuple_(*map(sa.literal, batch[-1][:-1]))
        batch = op.get_bind().execute(rows.where(key > after).order_by(*key.clauses)).all()


def _values(keys: tuple[str, ...], row: Any, text: str) -> dict[str, Any]:
    return {"fit": text} | {f"key_{each}": value for each, value in zip(keys, row[:-1], strict=True)}


def _fit(text: str) -> str:
    """Return a stored text redacted; JSON that holds no secret stays as it was written."""
    try:
        value = json.loads(text)
    except ValueError:
        return redacted(text)
    if not isinstance(value, dict):
        return redacted(text)
    fit = without_secrets(value)
    return text if fit == value else json.dumps(fit)
