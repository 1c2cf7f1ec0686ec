"""Texts about an account whose API cannot be read: its last known jobs, their age, and the reason."""

from collections.abc import Sequence

from bot.blocks.job import job_line
from bot.blocks.parts import Message, code_span, fallback_text, format_ago, format_date, safe_text, section
from bot.jobs.models import Job, display_name

MAX_JOBS = 5


def last_known_jobs(jobs: Sequence[Job], at: float | None) -> str:
    """Return the first few of the last known jobs on one line, safe mrkdwn; ``at`` is when they were read, Unix seconds."""
    rows = [job_line(display_name(each), each.status) for each in jobs[:MAX_JOBS]]
    hidden = len(jobs) - MAX_JOBS
    return f"Last known{as_of_suffix(at)}: {' · '.join(rows)}" + (f" · and {hidden} more" if hidden > 0 else "")


def as_of_suffix(at: float | None) -> str:
    """Return the age of a read, to append: ", as of 3 minutes ago"; empty for None."""
    return f", as of {format_ago(at)}" if at else ""


def unreadable_message(reasons: Sequence[str]) -> Message:
    """Return the reply if no account can be read; ``reasons`` are safe mrkdwn."""
    return Message(fallback_text(" ".join(reasons)), [section(each) for each in reasons])


def outage_note(error: str, *, since: float, at: float | None, account: str | None) -> str:
    """Return the warning that an account's jobs are shown as of an earlier poll, safe mrkdwn.

    Args:
        error: the first error of the outage.
        since: when it occurred, Unix seconds.
        at: the last complete poll, Unix seconds; None if there was none.
        account: its name, if there are several.
    """
    of_account = f" for account {code_span(account)}" if account else ""
    reason = safe_text(error, 300).rstrip(".")
    age = f"Showing its jobs as of {format_ago(at)}." if at else "Its jobs haven't been read yet."
    return f":warning: The API{of_account} has been failing since {format_date(since)}: {reason}. {age}"
