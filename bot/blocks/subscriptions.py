"""The list of a channel's subscriptions, and filters in words."""

from collections.abc import Sequence

from bot.blocks.interactive import MAX_VALUE_LENGTH, SHOW_PAGE, button
from bot.blocks.job import status_label
from bot.blocks.parts import (
    Block,
    Message,
    and_more,
    code_span,
    context,
    counted,
    fallback_text,
    safe_text,
    section,
    series,
    truncate_markup,
    user_mention,
)
from bot.jobs.filters import Filter

UNSUBSCRIBE = "ftjob_unsubscribe"
MAX_ROWS = 20
"""Subscriptions that a channel may have."""
_MAX_ROW_LENGTH = 360
"""Characters: twenty rows stay below the 8,000 that Slack takes in one message."""
_MAX_PART_LENGTH = 40
NO_SUBSCRIPTIONS = (
    "This channel has no subscriptions. To track all new jobs here, run `/ftjob subscribe`. Filters narrow it down: for "
    "example, `/ftjob subscribe failed team=search` for one team's failures only."
)
FAILURES_ONLY = "this channel is set to failures only"
_ALWAYS = ("stuck", "missing")
"""What no filter holds back, beside statuses."""
_HINT = (
    "Remove one by number (`/ftjob unsubscribe 1`) or by filter (`/ftjob unsubscribe failed`), or remove all "
    "(`/ftjob unsubscribe all`). Jobs already tracked stay tracked."
)


def matching_jobs(job_filter: Filter) -> str:
    """Return the jobs that a filter matches: "all new jobs using model `gpt-4o*` with `team=search`"."""
    return f"all new jobs{_conditions(job_filter)}"


def listed_jobs_phrase(job_filter: Filter) -> str:
    """Return the jobs that a list shows: "failed or paused jobs using model `gpt-4o*` that belong to @milo"."""
    labels = [status_label(status).lower() for status in job_filter.statuses]
    if any(" " in label for label in labels):  # no adjectives: "validating files"
        quoted = series([f"\u201c{label}\u201d" for label in labels], "or")
        return f"jobs with the status {quoted}{_conditions(job_filter)}"
    return f"{series(labels, 'or')} jobs{_conditions(job_filter)}".strip()


def _conditions(job_filter: Filter) -> str:
    model = f" using model {code_span(job_filter.model, _MAX_PART_LENGTH)}" if job_filter.model else ""
    pairs = [
        f"`{safe_text(key, _MAX_PART_LENGTH)}={safe_text(value, _MAX_PART_LENGTH)}`"
        for key, value in job_filter.metadata
    ]
    carried = f" with {series(pairs, 'and')}" if pairs else ""
    owner = f" that belong to {user_mention(job_filter.owner)}" if job_filter.owner else ""
    return f"{model}{carried}{owner}"


def alerts_phrase(job_filter: Filter) -> str:
    """Return which changes are alerted on: "alerts: all changes", or "alerts only for: failed, stuck, missing"."""
    if not job_filter.statuses:
        return "alerts: all changes"
    statuses = [status_label(status).lower() for status in job_filter.statuses]
    return f"alerts only for: {', '.join([*statuses, *_ALWAYS])}"


def subscribed_message(
    person: str, job_filter: Filter, *, of: str, open_jobs: int, show: str, failures_only: bool = False
) -> Message:
    """Return who subscribed a channel to which jobs, with a button that lists those that are open now.

    Args:
        person: ID of the user.
        job_filter: which jobs, and which of their changes are alerted on.
        of: the accounts, if there are several, safe mrkdwn.
        open_jobs: how many of them are open.
        show: command that lists them.
        failures_only: whether the channel gets only failures.
    """
    limits = [alerts_phrase(job_filter)] if job_filter.statuses else []
    limits += [FAILURES_ONLY] if failures_only else []
    alerts = f" ({'; '.join(limits)})" if limits else ""
    verb, them = ("is", "it") if open_jobs == 1 else ("are", "them")
    now = (
        f"{counted(open_jobs, 'matching job')} {verb} already active, and I'll track {them} too."
        if open_jobs
        else "No matching jobs are active now."
    )
    text = f"{user_mention(person)} subscribed this channel to {matching_jobs(job_filter)}{of}{alerts}. {now}"
    label = f"Show {counted(open_jobs, 'active job')}"
    has_button = open_jobs and len(show) <= MAX_VALUE_LENGTH
    shown = button(f"Show {them}", SHOW_PAGE, show, accessibility_label=label) if has_button else None
    return Message(fallback_text(text), [section(text, accessory=shown)])


def subscription_list(
    rows: Sequence[tuple[int, Filter, str, str | None]], *, head: str = "", failures_only: bool = False
) -> Message:
    """Return a channel's subscriptions, each with a button that ends it.

    Args:
        rows: ID, filter, user who subscribed, and account (None if there is only one) of each.
        head: text before the list, safe mrkdwn.
        failures_only: whether the channel gets only failures.
    """
    if not rows:
        return Message(fallback_text(NO_SUBSCRIPTIONS), [section(NO_SUBSCRIPTIONS)])
    count = counted(len(rows), "subscription")
    lines = [_line(nth, job_filter, person, account) for nth, (_, job_filter, person, account) in enumerate(rows, 1)]
    blocks = [
        section(line, accessory=_end_button(nth, number))
        for nth, (line, (number, *_)) in enumerate(zip(lines[:MAX_ROWS], rows, strict=False), 1)
    ]
    limit = f"{FAILURES_ONLY.capitalize()}. To get all alerts, run `/ftjob settings alerts all`."
    limits = [limit] if failures_only else []
    notes = [*and_more(len(rows) - MAX_ROWS, "remove some of these to see them"), *limits, _HINT]
    title = f"{head} *{count} here*".strip()
    text = fallback_text(" ".join([f"{head} {count} here:".strip(), *lines, *limits]))
    return Message(text, [section(title), *blocks, *map(context, notes)])


def _line(nth: int, job_filter: Filter, person: str, account: str | None) -> str:
    jobs, alerts = matching_jobs(job_filter), alerts_phrase(job_filter)
    in_account = f" in account {code_span(account)}" if account else ""
    text = f"{nth}. {jobs[0].upper()}{jobs[1:]}{in_account} · {alerts} · added by {user_mention(person)}"
    return truncate_markup(text, _MAX_ROW_LENGTH)


def _end_button(nth: int, subscription: int) -> Block:
    label = f"Remove subscription {nth}"
    return button("Unsubscribe", f"{UNSUBSCRIBE}:{nth}", str(subscription), accessibility_label=label)
