"""What a race left in the store."""

import json
import sqlite3

from bot.commands.confirm import ConfirmCommand
from bot.jobs.actions import Decision
from tests.races.checker import ActionNotice, AuditRow

_AUDIT = """
    SELECT at, person, source, decision, confirmation_key, status_before, job_id FROM audit
    WHERE confirmation_key IS NOT NULL OR verb = ? ORDER BY id
"""
_LINES = "SELECT channel, notice FROM delivery WHERE notice LIKE '%\"order_%' ORDER BY id"
_UNDER_WAY = "SELECT count(*) FROM confirmation WHERE confirmed_at IS NOT NULL AND completed_at IS NULL"


def audit(store: sqlite3.Connection) -> list[AuditRow]:
    """Return the rows of the audit about presses and actions, in order."""
    found = store.execute(_AUDIT, [ConfirmCommand.verb])
    return [
        AuditRow(at, who, source, Decision(decision), key, status, job is not None)
        for at, who, source, decision, key, status, job in found
    ]


def lines(store: sqlite3.Connection) -> list[ActionNotice]:
    """Return the lines about actions that are pending for people and threads, in order."""
    bodies = [(to, json.loads(notice)) for to, notice in store.execute(_LINES)]
    return [ActionNotice(to, body["kind"], body.get("how"), body.get("said", "")) for to, body in bodies]


def known(store: sqlite3.Connection) -> str | None:
    """Return the status of the one job as it is stored."""
    row = store.execute("SELECT status FROM job").fetchone()
    return str(row[0]) if row else None


def under_way(store: sqlite3.Connection) -> bool:
    """Return whether an action has not ended."""
    return bool(store.execute(_UNDER_WAY).fetchone()[0])
