"""What was last known of an account that cannot be read: its jobs with their age, and why nobody knows better."""

from collections.abc import Sequence

from bot.blocks.job import status_emoji, status_label
from bot.blocks.parts import LONGEST_ID, Message, code_span, fallback_text, format_ago, format_date, safe_text, section
from bot.jobs.models import Job

MOST_JOBS = 5


def last_known_jobs(jobs: Sequence[Job], at: float | None) -> str:
    """Return the first few jobs as they were last seen, ``at`` a moment, newest first, on one line."""
    rows = [
        f"{status_emoji(each.status)} {status_label(each.status)} {code_span(each.id, LONGEST_ID)}"
        for each in jobs[:MOST_JOBS]
    ]
    hidden = len(jobs) - MOST_JOBS
    return f"Last known{as_of_suffix(at)}: {' · '.join(rows)}" + (f" · and {hidden} more" if hidden > 0 else "")


def as_of_suffix(at: float | None) -> str:
    """Return how old something is, to stand behind it: ", as of 3 minutes ago"."""
    return f", as of {format_ago(at)}" if at else ""


def unreadable_message(reasons: Sequence[str]) -> Message:
    """Draw why none of several accounts says anything, each reason already safe."""
    return Message(fallback_text(" ".join(reasons)), [section(each) for each in reasons])


def outage_note(error: str, *, since: float, at: float | None, account: str | None) -> str:
    """Return that what polls brought of an account is old.

    Args:
        error: how its API failed first.
        since: when that was.
        at: the last time that it was read whole, where it ever was.
        account: its name, where there are several.
    """
    whose = f"of account {code_span(account)} " if account else ""
    said = safe_text(error, 300).rstrip(".")
    seen = f"What is shown {whose}is as of {format_ago(at)}." if at else "It was never read so far."
    return f":warning: The API {whose}can't be read since {format_date(since)}: {said}. {seen}"
