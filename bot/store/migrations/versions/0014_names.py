"""Add the names of jobs, and the size of a channel's cards in its new sense: of a few lines unless it is full.

Every card of a job that isn't closed, and of one that closed within a week (604,800 s), becomes stale, so that it is drawn in its new form.
"""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

BATCH = 1000
MAX_NAME_LENGTH = 60


def upgrade() -> None:
    op.add_column("job_snapshot", sa.Column("name", sa.Text()))
    op.create_index("ix_job_snapshot_name", "job_snapshot", ["name"])
    op.add_column("channel", sa.Column("full_cards", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_column("channel", "compact")
    connection = op.get_bind()
    _add_names(connection)
    connection.exec_driver_sql(
        "UPDATE card SET generation = generation + 1 WHERE ts IS NOT NULL AND EXISTS (SELECT 1 FROM job WHERE "
        "job.account = card.account AND job.id = card.job_id AND (NOT job.closed OR job.state_since > "
        "(SELECT MAX(state_since) FROM job) - 604800))"
    )


def _add_names(connection: sa.Connection) -> None:
    """Fill in the names of the stored jobs, in batches."""
    table = sa.table("job_snapshot", *(sa.column(name) for name in ("account", "job_id", "body", "name")))
    keys = (table.c.account, table.c.job_id)
    last: tuple[str, str] | None = None
    while True:
        page = sa.select(*keys, table.c.body).order_by(*keys).limit(BATCH)
        rows = connection.execute(page if last is None else page.where(sa.tuple_(*keys) > sa.tuple_(*last))).all()
        if not rows:
            return
        last = (rows[-1].account, rows[-1].job_id)
        named = [
            {"a": row.account, "j": row.job_id, "n": name} for row in rows if (name := _name(json.loads(row.body)))
        ]
        if named:
            mine = table.update().where(table.c.account == sa.bindparam("a"), table.c.job_id == sa.bindparam("j"))
            connection.execute(mine.values(name=sa.bindparam("n")), named)


def _name(body: dict[str, Any]) -> str | None:
    """Return a job's display name as this version has it: of its metadata, its suffix, or its model's."""
    metadata = body.get("metadata")
    model = str(body.get("fine_tuned_model") or "").split(":")
    given = (
        metadata.get("name") if isinstance(metadata, dict) else None,
        body.get("suffix"),
        body.get("user_provided_suffix"),
        model[3] if len(model) == 5 and model[0] == "ft" else None,  # noqa: PLR2004 - ft:base:organization:suffix:id
    )
    names = (" ".join(each.split()) for each in given if isinstance(each, str))
    name = next((name for name in names if name), None)
    return name if name is None or len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"
