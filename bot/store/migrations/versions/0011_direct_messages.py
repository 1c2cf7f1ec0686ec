"""Whose direct messages a channel is: that person is asked about before anything is sent there."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

channel = sa.table("channel", sa.column("id"), sa.column("free_at"), sa.column("person"))


def upgrade() -> None:
    op.add_column("channel", sa.Column("person", sa.Text(), nullable=True))
    found: dict[str, str] = {}
    for name in ("subscription", "track"):
        follows = sa.table(name, sa.column("channel"), sa.column("person"))
        where = (follows.c.channel.like("D%"), follows.c.person.is_not(None))
        found |= dict(map(tuple, op.get_bind().execute(sa.select(follows.c.channel, follows.c.person).where(*where))))
    for direct, person in found.items():
        mine = channel.update().where(channel.c.id == direct).values(person=person)
        if not op.get_bind().execute(mine).rowcount:
            op.execute(channel.insert().values(id=direct, free_at=0.0, person=person))
