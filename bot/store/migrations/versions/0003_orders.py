"""What orders need: questions that become orders, the audit of who did what, and requests that were acted on."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNDER_WAY = "answered_at IS NOT NULL AND ended_at IS NULL"
APPEND_ONLY = {
    "sqlite": [
        "CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows stay'); END",
        "CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows stay'); END",
        (
            "CREATE TRIGGER audit_keeps_places BEFORE INSERT ON audit WHEN NEW.id IN (SELECT id FROM audit) "
            "BEGIN SELECT RAISE(ABORT, 'audit rows stay'); END"
        ),
    ],
    "postgresql": [
        (
            "CREATE OR REPLACE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit rows stay'; END $$"
        ),
        (
            "CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()"
        ),
    ],
}


def upgrade() -> None:
    op.add_column("question", sa.Column("team", sa.Text(), nullable=True))
    op.add_column("question", sa.Column("status", sa.Text(), nullable=True))
    op.add_column("question", sa.Column("lease_until", sa.Double(), nullable=True))
    op.add_column("question", sa.Column("ended_at", sa.Double(), nullable=True))
    op.add_column("question", sa.Column("done", sa.Boolean(), nullable=True))
    op.add_column("question", sa.Column("said", sa.Text(), nullable=True))
    # The version before kept no end; what was answered then is over.
    op.execute("UPDATE question SET ended_at = answered_at")
    op.create_index(
        "uq_question_under_way",
        "question",
        ["account", "job_id"],
        unique=True,
        sqlite_where=sa.text(UNDER_WAY),
        postgresql_where=sa.text(UNDER_WAY),
    )
    op.create_table(
        "request",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_request")),
    )
    op.create_index(op.f("ix_request_at"), "request", ["at"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", Serial, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("status_before", sa.Text(), nullable=True),
        sa.Column("status_after", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("question", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
