"""Confirmations that are shown before an action, and the actions that they become once confirmed.

    shown -> in progress -> completed
          -> completed              superseded: the job changed since

An action in progress is being submitted to the API, or its result is unknown; its lease limits the process that
submits it. A job has one action in progress at a time.
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
"""Seconds in which a confirmation can be confirmed."""

FORM_LIFETIME = 3600.0
"""Seconds in which a form can be submitted."""

LEASE = 90.0
"""Seconds: the lease of an action. One request and three reads take 64, each at its timeout."""

RESUBMIT_COOLDOWN = 60.0
"""Seconds in which an accepted action is not submitted again: its effect may take a moment to show."""


@dataclass(frozen=True)
class Confirmation:
    """The confirmation of ``verb`` on a job, for one person in one channel. Fields are columns of its table."""

    verb: str
    account: str
    job_id: str
    person: str
    channel: str
    team: str = ""
    status: str | None = None
    """The job's status that the confirmation showed; once confirmed, the status at that moment."""


@dataclass(frozen=True)
class PendingAction:
    """A stored confirmation, pending or confirmed."""

    key: str
    confirmation: Confirmation
    expired: bool
    confirmed_at: float | None
    completed: bool
    result_text: str | None
    """The text of the result, safe mrkdwn."""


class Confirmations:
    """Confirmations and actions. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def create(self, confirmation: Confirmation, *, lifetime: float = LIFETIME) -> str:
        """Insert a confirmation that expires after ``lifetime`` seconds; return its random key."""
        key = secrets.token_urlsafe(18)
        row = self._db.insert(schema.confirmation).values(
            **vars(confirmation), key=key, expires_at=self._db.now() + lifetime
        )
        async with self._db.transaction() as tx:
            await tx.execute(row)
        return key

    async def find(self, key: str) -> PendingAction | None:
        """Return the confirmation with a key, or None."""
        async with self._db.transaction() as tx:
            row = (await tx.execute(self._select().where(schema.confirmation.c.key == key))).one_or_none()
        return _pending_action(row) if row else None

    async def confirm(self, tx: Transaction, key: str, *, status: str | None) -> bool:
        """Turn a confirmation into an action, once; False if it is expired, confirmed or superseded.

        ``status`` is the job's at this moment. The caller checks for conflicts under ``Database.advisory_lock``.
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
        """Return the action in progress for the same job, or the same action if the API accepted it a moment ago."""
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
        in_progress_first = (rows.completed_at.is_not(None), rows.confirmed_at.desc())
        row = (await tx.execute(statement.order_by(*in_progress_first).limit(1))).one_or_none()
        # A job that was paused and resumed can be paused again at once.
        is_conflict = row is not None and (row.completed_at is None or row.verb == confirmation.verb)
        return _pending_action(row) if row is not None and is_conflict else None

    async def supersede(self, key: str, *, result_text: str) -> bool:
        """Complete a confirmation because the job changed since; False if it was confirmed or completed already."""
        rows = schema.confirmation.c
        pending = update(schema.confirmation).where(
            rows.key == key, rows.confirmed_at.is_(None), rows.completed_at.is_(None)
        )
        async with self._db.transaction() as tx:
            ended = await tx.execute(
                pending.values(completed_at=self._db.now(), accepted=False, result_text=result_text)
            )
            return ended.rowcount > 0

    async def complete(self, tx: Transaction, key: str, *, accepted: bool, result_text: str) -> bool:
        """Record the result of an action; False if another process did."""
        rows = schema.confirmation.c
        statement = update(schema.confirmation).where(rows.key == key, rows.completed_at.is_(None))
        return (
            await tx.execute(statement.values(completed_at=self._db.now(), accepted=accepted, result_text=result_text))
        ).rowcount > 0

    async def release(self, key: str) -> None:
        """Release an action, so that ``abandoned`` returns it."""
        async with self._db.transaction() as tx:
            await tx.execute(
                update(schema.confirmation).where(schema.confirmation.c.key == key).values(lease_until=0.0)
            )

    async def abandoned(self) -> list[tuple[PendingAction, float]]:
        """Return the actions whose lease expired, oldest first, each with its age in seconds."""
        rows, now = schema.confirmation.c, self._db.now()
        is_in_progress = (rows.confirmed_at.is_not(None), rows.completed_at.is_(None))
        statement = select(
            schema.confirmation,
            has_passed(rows.expires_at, now, _lifetime()).label("expired"),
            (now - rows.confirmed_at).label("age"),
        ).where(*is_in_progress, has_passed(rows.lease_until, now, LEASE))
        # An action from before the clock was set back counts as confirmed now, or its age would not grow for long.
        younger = update(schema.confirmation).where(*is_in_progress, rows.confirmed_at > now).values(confirmed_at=now)
        async with self._db.transaction() as tx:
            await self._db.read_clock(tx)
            if self._db.clock_steps.remaining(LEASE):
                return []  # the clock was set ahead: the process may have most of its lease left
            await tx.execute(younger)
            return [(_pending_action(row), row.age) for row in await tx.execute(statement.order_by(rows.confirmed_at))]

    async def end_leases(self) -> None:
        """End the lease of every action. For a store that only this process uses, at its start."""
        rows = schema.confirmation.c
        async with self._db.transaction() as tx:
            in_progress = update(schema.confirmation).where(rows.confirmed_at.is_not(None), rows.completed_at.is_(None))
            await tx.execute(in_progress.values(lease_until=0.0))

    def _select(self) -> Select[Any]:
        is_expired = has_passed(schema.confirmation.c.expires_at, self._db.now(), _lifetime())
        return select(schema.confirmation, is_expired.label("expired"))


def _lifetime() -> Any:
    """Return the longest lifetime of a confirmation in seconds."""
    return case((schema.confirmation.c.verb == JobAction.CREATE, FORM_LIFETIME), else_=LIFETIME)


def _pending_action(row: Row[Any]) -> PendingAction:
    confirmation = Confirmation(row.verb, row.account, row.job_id, row.person, row.channel, row.team or "", row.status)
    return PendingAction(
        row.key, confirmation, bool(row.expired), row.confirmed_at, row.completed_at is not None, row.result_text
    )
