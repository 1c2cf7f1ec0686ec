"""A database that was put back from a backup: up to when it knows what was told."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("identity", sa.Column("knows_until", sa.Double(), nullable=True))
    op.add_column("identity", sa.Column("restored_at", sa.Double(), nullable=True))
