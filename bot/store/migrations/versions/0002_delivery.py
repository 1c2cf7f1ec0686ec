"""What delivery without loss or doubles needs: leases, digests, notices, outages, and doubt about jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNDELIVERED = "state IN ('parked', 'dead')"


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_identity")),
    )
    op.create_table(
        "outage",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_outage")),
    )
    with op.batch_alter_table("account") as account:
        account.alter_column("swept_at", existing_type=sa.Double(), nullable=True)
        account.add_column(sa.Column("begun_at", sa.Double(), nullable=True))
        account.add_column(sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
        account.add_column(sa.Column("not_before", sa.Double(), nullable=False, server_default="0"))
        account.add_column(sa.Column("lease_until", sa.Double(), nullable=False, server_default="0"))
        account.add_column(sa.Column("token", sa.Text(), nullable=True))
    op.add_column("channel", sa.Column("limited_until", sa.Double(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("back_to", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("back_at", sa.Double(), nullable=True))
    op.add_column("job", sa.Column("misses", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("missed_since", sa.Double(), nullable=True))
    op.add_column("job", sa.Column("missed_at", sa.Double(), nullable=True))
    op.add_column("job", sa.Column("gone", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("delivery") as delivery:
        delivery.add_column(sa.Column("thread_ts", sa.Text(), nullable=True))
        delivery.add_column(sa.Column("looks", sa.Integer(), nullable=False, server_default="0"))
        delivery.add_column(sa.Column("held_by", Serial, nullable=True))
        delivery.add_column(sa.Column("place", Serial, nullable=True))
        delivery.add_column(sa.Column("notice", sa.Text(), nullable=True))
        delivery.create_foreign_key(op.f("fk_delivery_held_by"), "delivery", ["held_by"], ["id"])
        delivery.drop_constraint(op.f("ck_delivery_picture"), type_="check")
        delivery.create_check_constraint(
            op.f("ck_delivery_picture"), "picture IN ('card', 'change', 'digest', 'notice')"
        )
    op.create_index(
        "ix_delivery_undelivered",
        "delivery",
        ["channel", "id"],
        unique=False,
        sqlite_where=sa.text(UNDELIVERED),
        postgresql_where=sa.text(UNDELIVERED),
    )
    op.create_index("ix_delivery_held_by", "delivery", ["held_by"], unique=False)
