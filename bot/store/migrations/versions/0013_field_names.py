"""Rename tables, columns, constraints, indexes and one state to standard terms; rows and the audit's hashes do not change."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

TABLES = {
    "identity": "store_identity",
    "picture": "job_snapshot",
    "question": "confirmation",
    "request": "idempotency_key",
}
COLUMNS = {
    "account": {"swept_at": "polled_at", "begun_at": "poll_started_at"},
    "audit": {"door": "source", "question": "confirmation_key", "digest": "row_hash"},
    "card": {"wanted": "generation", "shown": "rendered_generation", "shared": "shared_chart"},
    "change": {"stuck_for": "stalled_for"},
    "channel": {"limited_until": "rate_limited_until"},
    "confirmation": {
        "answered_at": "confirmed_at",
        "ended_at": "completed_at",
        "done": "accepted",
        "said": "result_text",
    },
    "delivery": {
        "picture": "message_kind",
        "replies_to": "card_id",
        "in_doubt": "unconfirmed",
        "first_at": "first_attempt_at",
        "last_at": "last_attempt_at",
        "looks": "failed_lookups",
        "held_by": "digest_id",
        "place": "position",
    },
    "idempotency_key": {"at": "claimed_at"},
    "job": {
        "same_since": "state_since",
        "settled": "closed",
        "back_to": "soft_status",
        "back_at": "soft_since",
        "gone": "missing",
        "stuck_since": "stalled_since",
        "unread": "read_failures",
        "unread_since": "read_failing_since",
        "unread_until": "read_not_before",
    },
    "job_snapshot": {
        "digest": "body_hash",
        "looked_at": "events_read_at",
        "chart": "chart_file_id",
        "chart_says": "chart_alt_text",
        "chart_tries": "chart_attempts",
    },
    "mute": {"seen_at": "checked_at"},
    "outage": {"what": "key", "told": "notified"},
    "store_identity": {"made_at": "created_at", "knows_until": "backup_at"},
    "track": {"tells": "statuses"},
}
CONSTRAINTS = {
    "confirmation": {"pk_question": "pk_confirmation"},
    "delivery": {
        "ck_delivery_picture": "ck_delivery_message_kind",
        "fk_delivery_held_by": "fk_delivery_digest_id",
        "fk_delivery_replies_to": "fk_delivery_card_id",
    },
    "idempotency_key": {"pk_request": "pk_idempotency_key"},
    "job_snapshot": {"pk_picture": "pk_job_snapshot"},
    "store_identity": {"pk_identity": "pk_store_identity"},
}
INDEXES = {
    "ix_delivery_held_by": "ix_delivery_digest_id",
    "ix_delivery_undelivered": "ix_delivery_dead_letters",
    "ix_request_at": "ix_idempotency_key_claimed_at",
    "uq_question_under_way": "uq_confirmation_in_progress",
}
STATES = "state IN ('pending', 'inflight', 'unconfirmed', 'sent', 'parked', 'dead', 'muted')"
UNFINISHED = "state IN ('pending', 'inflight', 'unconfirmed')"


def upgrade() -> None:
    for old, new in TABLES.items():
        op.rename_table(old, new)
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    if op.get_bind().dialect.name == "sqlite":
        for table in CONSTRAINTS:
            _rebuild(table)
    else:
        _rename_in_place()


def _rename_in_place() -> None:
    """Rename the constraints, the indexes and the state on PostgreSQL, which rewrites no row but those of the state."""
    for table, names in CONSTRAINTS.items():
        for old, new in names.items():
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    for old, new in INDEXES.items():
        op.execute(f"ALTER INDEX {old} RENAME TO {new}")
    op.drop_index("ix_delivery_unfinished", "delivery")
    op.drop_constraint(op.f("ck_delivery_state"), "delivery", type_="check")
    op.execute("UPDATE delivery SET state = 'unconfirmed' WHERE state = 'ambiguous'")
    op.create_check_constraint(op.f("ck_delivery_state"), "delivery", STATES)
    op.create_index("ix_delivery_unfinished", "delivery", ["channel", "id"], postgresql_where=sa.text(UNFINISHED))


def _rebuild(table: str) -> None:
    """Copy a table into one with the new names: SQLite cannot change a constraint of a table that exists.

    The old table gets another name first. So each digest is there before a row that refers to it, and SQLite never sees
    a reference to a row that is gone.
    """
    master = sa.table("sqlite_master", *map(sa.column, ("type", "name", "tbl_name", "sql")))
    mine = sa.select(master.c.name, master.c.sql).where(master.c.tbl_name == table, master.c.sql.is_not(None))
    (made,) = op.get_bind().execute(mine.where(master.c.type == "table")).all()
    indexes = op.get_bind().execute(mine.where(master.c.type == "index")).all()
    columns = [row.name for row in op.get_bind().execute(sa.text(f"PRAGMA table_info({table})"))]
    values = ["replace(state, 'ambiguous', 'unconfirmed')" if name == "state" else name for name in columns]

    for index in indexes:
        op.drop_index(index.name)
    op.rename_table(table, f"{table}_before")
    op.execute(_renamed(made.sql))
    op.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table}_before")  # noqa: S608 - names of ours
    op.drop_table(f"{table}_before")
    for index in indexes:
        op.execute(_renamed(index.sql))


def _renamed(ddl: str) -> str:
    """Return a statement that made a table or an index, with the new names of constraints, indexes and the state."""
    names: dict[str, Any] = {"'ambiguous'": "'unconfirmed'", **INDEXES}
    for constraints in CONSTRAINTS.values():
        names |= constraints
    for old, new in names.items():
        ddl = ddl.replace(old, new)
    return ddl
