"""Live cards: what each has to show, what it shows, and the newest picture of its job."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

STALE = "wanted > shown AND ts IS NOT NULL"


def upgrade() -> None:
    for name in ("wanted", "shown", "failures"):
        op.add_column("card", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    for name in ("edited_at", "not_before", "lease_until"):
        op.add_column("card", sa.Column(name, sa.Double(), server_default="0", nullable=False))
    for name in ("token", "shared"):
        op.add_column("card", sa.Column(name, sa.Text(), nullable=True))
    op.create_index("ix_card_stale", "card", ["id"], sqlite_where=sa.text(STALE), postgresql_where=sa.text(STALE))
    op.create_table(
        "picture",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("looked_at", sa.Double(), server_default="0", nullable=False),
        sa.Column("event_at", sa.Double(), nullable=True),
        sa.Column("chart", sa.Text(), nullable=True),
        sa.Column("chart_says", sa.Text(), nullable=True),
        sa.Column("chart_tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("chart_not_before", sa.Double(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("account", "job_id", name=op.f("pk_picture")),
    )
