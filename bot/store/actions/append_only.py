"""Triggers that make the audit log append-only, on both databases."""

from sqlalchemy import DDL, Table, event

_STAY = "BEGIN SELECT RAISE(ABORT, 'audit rows stay'); END"
APPEND_ONLY = [
    (f"CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit {_STAY}", "sqlite"),
    (f"CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit {_STAY}", "sqlite"),
    (
        f"CREATE TRIGGER audit_keeps_places BEFORE INSERT ON audit WHEN NEW.id IN (SELECT id FROM audit) {_STAY}",  # noqa: S608 - words of ours
        "sqlite",
    ),
    (
        (
            "CREATE OR REPLACE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit rows stay'; END $$"
        ),
        "postgresql",
    ),
    (
        (
            "CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()"
        ),
        "postgresql",
    ),
]
"""Statements, by database, that create the triggers."""


def append_only(audit: Table) -> None:
    """Create the triggers with the table."""
    for ddl, dialect in APPEND_ONLY:
        event.listen(audit, "after_create", DDL(ddl).execute_if(dialect=dialect))  # type: ignore[no-untyped-call]
