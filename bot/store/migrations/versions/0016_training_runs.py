"""Store the runs of jobs that a team's own trainers push: their state, metrics, log lines and checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_OF_JOB = ("account", "job_id")
_OF_RUN = (*_OF_JOB, "run_id")


def _create(name: str, key: tuple[str, ...], *columns: sa.Column[object]) -> None:
    of_key = [
        sa.Column(each, sa.BigInteger() if each in ("step", "number") else sa.Text(), nullable=False) for each in key
    ]
    op.create_table(name, *of_key, *columns, sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")))


def _number(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _double(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def upgrade() -> None:
    cancel: sa.Column[object] = sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.false())
    _create("training_job", _OF_JOB, cancel)
    _create(
        "training_run",
        (*_OF_JOB, "id"),
        _double("began_at"),
        _double("started"),
        _number("seq"),
        _double("called_at"),
        _double("active_at"),
        _number("first_step", nullable=True),
        _text("state"),
        _text("announced", nullable=True),
        sa.Column("points", sa.Integer(), nullable=False, server_default="0"),
    )
    _create(
        "training_metric",
        (*_OF_RUN, "series", "step"),
        _number("seq"),
        _double("value", nullable=True),
        _number("priority"),
    )
    op.create_table(
        "training_extreme",
        *(_text(each) for each in (*_OF_RUN, "series")),
        sa.Column("sign", sa.Integer(), nullable=False),
        _number("step"),
        _double("value"),
        sa.PrimaryKeyConstraint(*_OF_RUN, "series", "sign", name=op.f("pk_training_extreme")),
    )
    _create("training_log", (*_OF_RUN, "number"), _double("at"), _text("level"), _text("message"))
    _create("training_checkpoint", (*_OF_RUN, "step"), _number("seq"), _double("at"), _text("model"))
