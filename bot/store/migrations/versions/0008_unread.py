"""Jobs that cannot be read alone: how often in a row, since when, and until when they rest."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("job", sa.Column("unread", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("job", sa.Column("unread_since", sa.Double(), nullable=True))
    op.add_column("job", sa.Column("unread_until", sa.Double(), nullable=True))
