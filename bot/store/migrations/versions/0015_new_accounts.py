"""Mark the subscriptions to all accounts, which accounts that are added later join.

A channel that has the same subscription to every account subscribed to all. And what is new is what is newer than every known job:
kinds of jobs that were not read so far would otherwise be announced back to the day of the subscription.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("subscription", sa.Column("every_account", sa.Boolean(), nullable=False, server_default=sa.false()))
    connection = op.get_bind()
    connection.exec_driver_sql(
        "UPDATE subscription SET every_account = (SELECT COUNT(*) FROM subscription AS part WHERE part.channel = "
        "subscription.channel AND part.filter = subscription.filter) >= (SELECT COUNT(*) FROM account)"
    )
    connection.exec_driver_sql(
        "UPDATE subscription SET newer_than = (SELECT MAX(created_at) FROM job WHERE job.account = subscription.account) "
        "WHERE newer_than < (SELECT MAX(created_at) FROM job WHERE job.account = subscription.account)"
    )
