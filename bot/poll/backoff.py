"""Backoff after failed reads, and when a job needs no more polls. Pure."""

from bot.errors import AccessDenied, ProviderError, RateLimited
from bot.jobs.statuses import Phase, phase_of
from bot.net.retry_after import jittered
from bot.providers.http.refusals import QUOTA_PAUSE
from bot.store.jobs.jobs import KnownJob

MAX_BACKOFF = 60.0
"""Seconds between two attempts at an account that fails, unless the interval is longer."""
SHORTEST_LOCKOUT = 60.0
MAX_LOCKOUT = 300.0
"""Seconds between two attempts with a rejected key: it takes a person to change that."""
MAX_JOB_BACKOFF = 300.0
"""Seconds between two reads of one job that cannot be read, unless the interval is longer."""
MODEL_NAME_TIMEOUT = 3600.0
"""Seconds to wait for the ``fine_tuned_model`` of a job that succeeded."""
LATE_AFTER = 120.0
"""Minimum seconds without a poll after which a change counts as found late."""


def account_backoff(error: ProviderError, failures: int, interval: float, jitter: float) -> float:
    """Return the seconds to pause polls of an account after ``failures`` failures in a row, the last being ``error``.

    ``jitter`` is a random number from 0 to 1 that spreads several processes.
    """
    if isinstance(error, RateLimited):
        return jittered(error.retry_after, jitter)
    doubled = 2 ** min(failures - 1, 16)
    if isinstance(error, AccessDenied):
        return float(min(max(MAX_LOCKOUT, interval), max(SHORTEST_LOCKOUT, interval) * doubled * (1 + jitter / 10)))
    return float(min(max(MAX_BACKOFF, interval), interval * doubled) * (0.75 + jitter / 4))


def longest_pause(interval: float) -> float:
    """Return the longest pause of an account, in seconds."""
    return max(MAX_LOCKOUT, QUOTA_PAUSE, interval)


def job_backoff(error: ProviderError, failures: int, interval: float, jitter: float) -> float:
    """Return the seconds until the next single read of a job, after ``failures`` failures in a row.

    A refusal is no lockout here: the account's list is readable with the same key.
    """
    delay = min(max(MAX_JOB_BACKOFF, interval), interval * 2 ** min(failures - 1, 16)) * (0.75 + jitter / 4)
    return float(max(delay, error.retry_after) if isinstance(error, RateLimited) else delay)


def is_closed(job: KnownJob, now: float, interval: float, *, is_sure: bool = True) -> bool:
    """Whether a job that a poll just found unchanged needs no more polls.

    Args:
        job: as stored.
        now: seconds since the epoch.
        interval: seconds between polls.
        is_sure: whether the clock was not set forward lately; else no one knows how long a model's name is missing.
    """
    if not job.state.is_final or now - job.state_since < interval:
        return False
    waits_for_model = phase_of(job.state.status) is Phase.SUCCEEDED and job.state.fine_tuned_model is None
    return not waits_for_model or (is_sure and now - job.state_since >= MODEL_NAME_TIMEOUT)


def is_late(polled_at: float | None, now: float, interval: float) -> bool:
    """Whether the last poll was so long ago that changes count as found late."""
    return polled_at is not None and now - polled_at > late_after(interval)


def late_after(interval: float) -> float:
    """Return the seconds without a poll after which a change counts as found late."""
    return max(LATE_AFTER, 3 * interval)
