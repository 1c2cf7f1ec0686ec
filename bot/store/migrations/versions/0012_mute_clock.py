"""When the clock of a mute was last looked at: one that was set back since is noticed by it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("mute", sa.Column("seen_at", sa.Double(), nullable=False, server_default="0"))
