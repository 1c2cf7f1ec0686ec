"""The tables. Times are seconds since the epoch; what comes from a provider keeps the provider's clock."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from bot.store.actions.append_only import append_only

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite counts rows only in a column of exactly this type.
Serial = BigInteger().with_variant(Integer, "sqlite")

UNFINISHED = ("pending", "inflight", "unconfirmed")
DEAD_LETTERS = ("parked", "dead")
MUTED = "muted"
STATES = (*UNFINISHED, "sent", *DEAD_LETTERS, MUTED)
MESSAGE_KINDS = ("card", "change", "digest", "notice")
STALE = "generation > rendered_generation AND ts IS NOT NULL"
IN_PROGRESS = "confirmed_at IS NOT NULL AND completed_at IS NULL"

account = Table(
    "account",
    metadata,
    Column("name", Text, primary_key=True),
    # When the last complete poll ended, and when any process last began one.
    Column("polled_at", Double),
    Column("poll_started_at", Double),
    # Failed polls in a row.
    Column("failures", Integer, nullable=False, server_default="0"),
    # Backoff: it failed, or asked for a pause.
    Column("not_before", Double, nullable=False, server_default="0"),
    # One process at a time polls it.
    Column("lease_until", Double, nullable=False, server_default="0"),
    Column("token", Text),
)

job = Table(
    "job",
    metadata,
    Column("account", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("fine_tuned_model", Text),
    Column("created_at", Double),
    Column("state_since", Double, nullable=False),
    Column("closed", Boolean, nullable=False),
    # Soft state: a read that shows an earlier state is confirmed only by later ones.
    Column("soft_status", Text),
    Column("soft_since", Double),
    # Reads in a row that did not find it; after some it is missing, and an alert says so.
    Column("misses", Integer, nullable=False, server_default="0"),
    Column("missed_since", Double),
    Column("missed_at", Double),
    Column("missing", Boolean, nullable=False, server_default=false()),
    # Since when it is stalled, once an alert said so.
    Column("stalled_since", Double),
    # Failed reads of this job alone, in a row, although its account works; and the end of the backoff.
    Column("read_failures", Integer, nullable=False, server_default="0"),
    Column("read_failing_since", Double),
    Column("read_not_before", Double),
    Index(None, "account", "created_at"),
)

track = Table(
    "track",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("person", Text),
    Column("since", Double, nullable=False),
    # The statuses that a subscription alerts on, separated by spaces; null: all of them.
    Column("statuses", Text),
    Index(None, "channel"),
)

card = Table(
    "card",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("account", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("ts", Text),
    # How often its content changed, and which of these versions it shows.
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("rendered_generation", Integer, nullable=False, server_default="0"),
    Column("edited_at", Double, nullable=False, server_default="0"),
    # Failed edits in a row.
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("not_before", Double, nullable=False, server_default="0"),
    Column("lease_until", Double, nullable=False, server_default="0"),
    Column("token", Text),
    # Slack's file id of the chart that was shared in its thread.
    Column("shared_chart", Text),
    UniqueConstraint("account", "job_id", "channel"),
    Index("ix_card_stale", "id", sqlite_where=text(STALE), postgresql_where=text(STALE)),
)

job_snapshot = Table(
    "job_snapshot",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    # The API's newest description of the job, and its hash.
    Column("body", Text, nullable=False),
    Column("body_hash", Text, nullable=False),
    # Its display name, by which people find it; null: it has none.
    Column("name", Text),
    # Its progress, as JSON, from its events; when they were last read, and the time of the newest.
    Column("progress", Text),
    Column("events_read_at", Double, nullable=False, server_default="0"),
    Column("event_at", Double),
    # Its chart, once it succeeded: Slack's file id and the alt text; the attempts, and the time of the next one.
    Column("chart_file_id", Text),
    Column("chart_alt_text", Text),
    Column("chart_attempts", Integer, nullable=False, server_default="0"),
    Column("chart_not_before", Double, nullable=False, server_default="0"),
    Index(None, "name"),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("account", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("person", Text, nullable=False),
    # Which jobs, and what of them, as JSON.
    Column("filter", Text, nullable=False),
    # The provider's creation time of the newest job there was: a job that is not older is new.
    Column("newer_than", Double, nullable=False),
    # Part of a subscription to all accounts, those that are added later among them.
    Column("every_account", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("account", "channel", "filter"),
)

mute = Table(
    "mute",
    metadata,
    Column("account", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    # "*" for every job.
    Column("job_id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("until", Double, nullable=False),
    # When its end was last checked: if that lies ahead, the clock was set back.
    Column("checked_at", Double, nullable=False, server_default="0"),
)

change = Table(
    "change",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("account", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("old_status", Text, nullable=False),
    Column("old_model", Text),
    Column("new_status", Text, nullable=False),
    Column("new_model", Text),
    Column("body", Text, nullable=False),
    Column("reason", Text),
    Column("late", Boolean, nullable=False),
    Column("stalled_for", Double),
    Column("seen_at", Double, nullable=False),
    UniqueConstraint("account", "job_id", "version"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message_kind", Text, nullable=False),
    Column("change_id", Serial, ForeignKey("change.id")),
    Column("card_id", Serial, ForeignKey("card.id")),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("unconfirmed", Boolean, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("token", Text),
    Column("created_at", Double, nullable=False),
    Column("first_attempt_at", Double),
    Column("last_attempt_at", Double),
    Column("ts", Text),
    Column("error", Text),
    # The thread of the last attempt, for lookups.
    Column("thread_ts", Text),
    # Failed lookups in a row: they could not tell whether the message was posted.
    Column("failed_lookups", Integer, nullable=False, server_default="0"),
    # Its digest, whose state it shares.
    Column("digest_id", Serial, ForeignKey("delivery.id")),
    # A digest's position in the queue: the id of its first row.
    Column("position", Serial),
    # The content of a notice, as JSON; a change is rendered from its own row.
    Column("notice", Text),
    CheckConstraint("kind IN ('post', 'update')", name="kind"),
    CheckConstraint(f"message_kind IN {MESSAGE_KINDS}", name="message_kind"),
    CheckConstraint(f"state IN {STATES}", name="state"),
    # Few rows are pending, many were sent: a claim must never read the latter.
    Index(
        "ix_delivery_unfinished",
        "channel",
        "id",
        sqlite_where=text(f"state IN {UNFINISHED}"),
        postgresql_where=text(f"state IN {UNFINISHED}"),
    ),
    Index(
        "ix_delivery_dead_letters",
        "channel",
        "id",
        sqlite_where=text(f"state IN {DEAD_LETTERS}"),
        postgresql_where=text(f"state IN {DEAD_LETTERS}"),
    ),
    Index("ix_delivery_digest_id", "digest_id"),
    Index(
        "ix_delivery_muted",
        "channel",
        "id",
        sqlite_where=text(f"state = '{MUTED}'"),
        postgresql_where=text(f"state = '{MUTED}'"),
    ),
)

channel = Table(
    "channel",
    metadata,
    Column("id", Text, primary_key=True),
    Column("free_at", Double, nullable=False),
    # When the last pause that Slack asked for ends.
    Column("rate_limited_until", Double, nullable=False, server_default="0"),
    # Preferences: results in the channel too, small cards, alerts for failures only.
    Column("broadcast", Boolean, nullable=False, server_default=true()),
    Column("full_cards", Boolean, nullable=False, server_default=false()),
    Column("failures_only", Boolean, nullable=False, server_default=false()),
    # The owner of a direct message channel.
    Column("person", Text),
)

# Channels whose id changed.
channel_move = Table(
    "channel_move",
    metadata,
    Column("old", Text, primary_key=True),
    Column("new", Text, nullable=False),
)

outage = Table(
    "outage",
    metadata,
    # "slack", or "account:" and its name.
    Column("key", Text, primary_key=True),
    Column("since", Double, nullable=False),
    Column("error", Text, nullable=False),
    Column("notified", Boolean, nullable=False),
)

store_identity = Table(
    "store_identity",
    metadata,
    Column("store_id", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
    # Of a restored backup: when it was made, and when it was restored.
    Column("backup_at", Double),
    Column("restored_at", Double),
)

confirmation = Table(
    "confirmation",
    metadata,
    Column("key", Text, primary_key=True),
    Column("verb", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("job_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("team", Text),
    Column("channel", Text, nullable=False),
    # The job's status that the confirmation showed; once confirmed, the status at that moment.
    Column("status", Text),
    Column("expires_at", Double, nullable=False),
    # Confirmed, the action is in progress until it is completed; after the lease any process may complete it.
    Column("confirmed_at", Double),
    Column("lease_until", Double),
    Column("completed_at", Double),
    # Whether the API accepted the action, and the text of the result.
    Column("accepted", Boolean),
    Column("result_text", Text),
    # One action at a time for each job.
    Index(
        "uq_confirmation_in_progress",
        "account",
        "job_id",
        unique=True,
        sqlite_where=text(IN_PROGRESS),
        postgresql_where=text(IN_PROGRESS),
    ),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("key", Text, primary_key=True),
    Column("claimed_at", Double, nullable=False),
    Index(None, "claimed_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("at", Double, nullable=False),
    Column("person", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("account", Text),
    Column("job_id", Text),
    Column("decision", Text, nullable=False),
    Column("reason", Text),
    Column("status_before", Text),
    Column("status_after", Text),
    Column("request_id", Text),
    # The key of the row's confirmation; several rows may have the same.
    Column("confirmation_key", Text),
    # The hash of this row and of the row_hash before it.
    Column("row_hash", Text, nullable=False),
)
append_only(audit)

# A job of a team's own trainer, which sends calls.
training_job = Table(
    "training_job",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    # Whether the answer to each call asks the trainer to stop.
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
)

# A process that trains: a restart of a job is another run.
training_run = Table(
    "training_run",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    # When it began: by our clock the earliest that its calls allow, by the trainer's as it says.
    Column("began_at", Double, nullable=False),
    Column("started", Double, nullable=False),
    Column("seq", BigInteger, nullable=False),
    # When a call last arrived, and when one last had a step, a line or a status that is new.
    Column("called_at", Double, nullable=False),
    Column("active_at", Double, nullable=False),
    Column("first_step", BigInteger),
    # Its present state, as JSON, and the status that was last recorded as the job's; null: it never was the newest run.
    Column("state", Text, nullable=False),
    Column("announced", Text),
    # Points that were stored since they were last thinned.
    Column("points", Integer, nullable=False, server_default="0"),
)

training_metric = Table(
    "training_metric",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("series", Text, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    # Null: not a number.
    Column("value", Double),
    # Of a long series, the steps with the smallest ones are kept.
    Column("priority", BigInteger, nullable=False),
)

# The least and the greatest value of each series, which stay when it is thinned.
training_extreme = Table(
    "training_extreme",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("series", Text, primary_key=True),
    # -1 for the least, 1 for the greatest.
    Column("sign", Integer, primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
)

training_log = Table(
    "training_log",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    # By the trainer's clock.
    Column("at", Double, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Text, nullable=False),
)

training_checkpoint = Table(
    "training_checkpoint",
    metadata,
    Column("account", Text, primary_key=True),
    Column("job_id", Text, primary_key=True),
    Column("run_id", Text, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    # By the trainer's clock.
    Column("at", Double, nullable=False),
    Column("model", Text, nullable=False),
)
