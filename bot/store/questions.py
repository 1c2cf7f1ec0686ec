"""Questions that the bot asked and a person has yet to answer, as before a cancel."""

import secrets
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from bot.store import schema
from bot.store.engine import Database

LIFETIME = 600.0
"""Seconds in which a question can be answered."""


@dataclass(frozen=True)
class Question:
    """One question: may ``verb`` be done to this job? It belongs to a person in a channel."""

    verb: str
    account: str
    job_id: str
    person: str
    channel: str


class Questions:
    """Unanswered questions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ask(self, question: Question) -> str:
        """Store a question and return its opaque key."""
        key = secrets.token_urlsafe(18)
        row = insert(schema.question).values(**vars(question), key=key, expires_at=self._db.now() + LIFETIME)
        async with self._db.transaction() as tx:
            await tx.execute(row)
        return key

    async def answer(self, key: str, *, person: str, channel: str) -> Question | None:
        """Take the answer to a question, once: None where it is not this person's here, too old or answered before."""
        rows = schema.question.c
        statement = (
            update(schema.question)
            .where(rows.key == key, rows.person == person, rows.channel == channel)
            .where(rows.answered_at.is_(None), rows.expires_at > self._db.now())
            .values(answered_at=self._db.now())
        )
        async with self._db.transaction() as tx:
            if (await tx.execute(statement)).rowcount == 0:
                return None
            row = (await tx.execute(select(schema.question).where(rows.key == key))).one()
        return Question(row.verb, row.account, row.job_id, row.person, row.channel)
