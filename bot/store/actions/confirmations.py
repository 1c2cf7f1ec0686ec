"""Questions that the bot asked before an order, and the orders that they become when the answer is yes.

    asked -> under way -> ended
          -> ended              overtaken: what it asked about is not so any more

An order that is under way is on its way to the API or has yet to be found out about; its lease says how long the
process that gave it may take. One job has one order under way, whoever gives it.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, case, or_, select, update

from bot.jobs.actions import JobAction
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import has_passed, is_pending

LIFETIME = 600.0
"""Seconds in which a question can be answered."""

FORM_LIFETIME = 3600.0
"""Seconds in which a form can be handed in."""

LEASE = 90.0
"""Seconds that a process may take for an order: one request and three looks, each at its deadline, take 64."""

RESUBMIT_COOLDOWN = 60.0
"""Seconds in which an order that the API took is not given again: its effect may take a moment to show."""


@dataclass(frozen=True)
class Confirmation:
    """One question: may ``verb`` be done to this job? It belongs to a person in a channel."""

    verb: str
    account: str
    job_id: str
    person: str
    channel: str
    team: str = ""
    status: str | None = None
    """The job's status that the question showed; of an order, the one that the job had when it was given."""


@dataclass(frozen=True)
class PendingAction:
    """A question as it is stored."""

    key: str
    confirmation: Confirmation
    expired: bool
    confirmed_at: float | None
    completed: bool
    result_text: str | None
    """What was said at its end, safe mrkdwn."""


class Confirmations:
    """Questions and orders. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def create(self, confirmation: Confirmation, *, lifetime: float = LIFETIME) -> str:
        """Store a question, which can be answered for ``lifetime`` seconds, and return its opaque key."""
        key = secrets.token_urlsafe(18)
        row = self._db.insert(schema.confirmation).values(
            **vars(confirmation), key=key, expires_at=self._db.now() + lifetime
        )
        async with self._db.transaction() as tx:
            await tx.execute(row)
        return key

    async def find(self, key: str) -> PendingAction | None:
        """Return one question, or None where there is none of this key."""
        async with self._db.transaction() as tx:
            row = (await tx.execute(self._select().where(schema.confirmation.c.key == key))).one_or_none()
        return _pending_action(row) if row else None

    async def confirm(self, tx: Transaction, key: str, *, status: str | None) -> bool:
        """Make an order of a question, once; False where it cannot be: it is too old, or was answered or overtaken.

        ``status`` is the job's at this moment. The caller makes sure that no rival is there, and that none comes meanwhile (``Database.one_at_a_time``).
        """
        rows, now = schema.confirmation.c, self._db.now()
        statement = (
            update(schema.confirmation)
            .where(
                rows.key == key,
                rows.confirmed_at.is_(None),
                rows.completed_at.is_(None),
                is_pending(rows.expires_at, now, _lifetime()),
            )
            .values(confirmed_at=now, lease_until=now + LEASE, status=status)
        )
        return (await tx.execute(statement)).rowcount > 0

    async def conflicting(self, tx: Transaction, confirmation: Confirmation) -> PendingAction | None:
        """Return an order for the same job that is under way, or the same one where that was the last that the API took lately."""
        rows = schema.confirmation.c
        recent = rows.accepted.is_(True) & is_pending(
            rows.completed_at + RESUBMIT_COOLDOWN, self._db.now(), RESUBMIT_COOLDOWN
        )
        statement = self._select().where(
            rows.account == confirmation.account,
            rows.job_id == confirmation.job_id,
            rows.confirmed_at.is_not(None),
            or_(rows.completed_at.is_(None), recent),
        )
        under_way_first = (rows.completed_at.is_not(None), rows.confirmed_at.desc())
        row = (await tx.execute(statement.order_by(*under_way_first).limit(1))).one_or_none()
        # What was paused, and resumed after it, can be paused again at once.
        is_rival = row is not None and (row.completed_at is None or row.verb == confirmation.verb)
        return _pending_action(row) if row is not None and is_rival else None

    async def supersede(self, key: str, *, result_text: str) -> bool:
        """End a question because what it asked about is not so any more; False where it was answered or ended already."""
        rows = schema.confirmation.c
        open_one = update(schema.confirmation).where(
            rows.key == key, rows.confirmed_at.is_(None), rows.completed_at.is_(None)
        )
        async with self._db.transaction() as tx:
            ended = await tx.execute(
                open_one.values(completed_at=self._db.now(), accepted=False, result_text=result_text)
            )
            return ended.rowcount > 0

    async def complete(self, tx: Transaction, key: str, *, accepted: bool, result_text: str) -> bool:
        """Record how an order ended; False where somebody else did."""
        rows = schema.confirmation.c
        statement = update(schema.confirmation).where(rows.key == key, rows.completed_at.is_(None))
        return (
            await tx.execute(statement.values(completed_at=self._db.now(), accepted=accepted, result_text=result_text))
        ).rowcount > 0

    async def release(self, key: str) -> None:
        """Leave an order to whoever looks for abandoned ones: this process has done what it can."""
        async with self._db.transaction() as tx:
            await tx.execute(
                update(schema.confirmation).where(schema.confirmation.c.key == key).values(lease_until=0.0)
            )

    async def abandoned(self) -> list[tuple[PendingAction, float]]:
        """Return the orders that nobody works on any more, oldest first, each with its age in seconds."""
        rows, now = schema.confirmation.c, self._db.now()
        is_under_way = (rows.confirmed_at.is_not(None), rows.completed_at.is_(None))
        statement = select(
            schema.confirmation,
            has_passed(rows.expires_at, now, _lifetime()).label("expired"),
            (now - rows.confirmed_at).label("age"),
        ).where(*is_under_way, has_passed(rows.lease_until, now, LEASE))
        # What was ordered before the clock was set back was ordered just now, or it would get no older for long.
        younger = update(schema.confirmation).where(*is_under_way, rows.confirmed_at > now).values(confirmed_at=now)
        async with self._db.transaction() as tx:
            await self._db.read_clock(tx)
            if self._db.clock_steps.remaining(LEASE):
                return []  # the clock was set ahead: whoever is at it may have most of the lease left
            await tx.execute(younger)
            return [(_pending_action(row), row.age) for row in await tx.execute(statement.order_by(rows.confirmed_at))]

    async def end_leases(self) -> None:
        """Call every order abandoned. For a store that only this process uses, at its start."""
        rows = schema.confirmation.c
        async with self._db.transaction() as tx:
            under_way = update(schema.confirmation).where(rows.confirmed_at.is_not(None), rows.completed_at.is_(None))
            await tx.execute(under_way.values(lease_until=0.0))

    def _select(self) -> Select[Any]:
        is_expired = has_passed(schema.confirmation.c.expires_at, self._db.now(), _lifetime())
        return select(schema.confirmation, is_expired.label("expired"))


def _lifetime() -> Any:
    """Return the seconds for which a question can be answered at the most."""
    return case((schema.confirmation.c.verb == JobAction.CREATE, FORM_LIFETIME), else_=LIFETIME)


def _pending_action(row: Row[Any]) -> PendingAction:
    question = Confirmation(row.verb, row.account, row.job_id, row.person, row.channel, row.team or "", row.status)
    return PendingAction(
        row.key, question, bool(row.expired), row.confirmed_at, row.completed_at is not None, row.result_text
    )
