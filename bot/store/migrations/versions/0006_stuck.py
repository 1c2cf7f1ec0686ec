"""Jobs that stand still: since when, once people were told; and with each change for how long one had."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("job", sa.Column("stuck_since", sa.Double(), nullable=True))
    op.add_column("change", sa.Column("stuck_for", sa.Double(), nullable=True))
