"""Subscriptions with filters, several for a channel; what a channel chose; mutes, and deliveries that they hold."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MUTED = "state = 'muted'"
STATES = "state IN ('pending', 'inflight', 'ambiguous', 'sent', 'parked', 'dead', 'muted')"


def upgrade() -> None:
    _give_subscriptions_filters()
    op.add_column("track", sa.Column("tells", sa.Text(), nullable=True))
    op.add_column("channel", sa.Column("broadcast", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("channel", sa.Column("compact", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("channel", sa.Column("failures_only", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "mute",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "channel", "job_id", name=op.f("pk_mute")),
    )
    with op.batch_alter_table("delivery") as delivery:
        delivery.drop_constraint(op.f("ck_delivery_state"), type_="check")
        delivery.create_check_constraint(op.f("ck_delivery_state"), STATES)
    op.create_index(
        "ix_delivery_muted",
        "delivery",
        ["channel", "id"],
        unique=False,
        sqlite_where=sa.text(MUTED),
        postgresql_where=sa.text(MUTED),
    )


def _give_subscriptions_filters() -> None:
    """Make the table anew: SQLite cannot exchange a primary key. What there was takes every job, as it did."""
    before = sa.table("subscription", *map(sa.column, ("account", "channel", "person", "newer_than")))
    kept = [dict(row) for row in op.get_bind().execute(sa.select(before)).mappings()]
    op.drop_table("subscription")
    after = op.create_table(
        "subscription",
        sa.Column("id", Serial, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("newer_than", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("account", "channel", "filter", name=op.f("uq_subscription_account_channel_filter")),
    )
    op.bulk_insert(after, [{**row, "filter": "{}"} for row in kept])
