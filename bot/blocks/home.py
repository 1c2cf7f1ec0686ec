"""The Home tab of the app: what needs attention, what is in progress, the latest results, and each account's last check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.blocks.home_jobs import MAX_ROWS, HomeJob, attention_rows, jobs_in_progress, latest_results, titled
from bot.blocks.interactive import actions, button
from bot.blocks.models import FineTunedModel, model_row
from bot.blocks.outbox import delivery_error
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Block,
    and_more,
    bold,
    channel_mention,
    code_span,
    context,
    counted,
    format_date,
    job_mention,
    safe_text,
    section,
    sections,
)
from bot.blocks.replies import STILL_CHECKING

REFRESH_HOME = "ftjob_home"
NOTHING_TRACKED = (
    "You're not tracking any jobs. In a channel, type `/ftjob subscribe` to track all new jobs there, or "
    "`/ftjob track &lt;id&gt;` for one job. `/ftjob track &lt;id&gt; me` sends you DMs."
)
HOME_UNAVAILABLE = ":warning: Couldn't load this page. No data was lost. Click Refresh, or reopen this tab in a minute."
RETIRES_SOON = 30
"""Days before its shutdown date from which on a model is shown."""
_MAX_CHANNELS = 3
"""Rows for channels with undelivered messages."""


@dataclass(frozen=True)
class UndeliveredMessages:
    """Messages that couldn't be delivered to one channel, for one reason."""

    channel: str
    """Channel or user ID."""
    error: str | None
    """Slack's error code, or one of ours."""
    count: int


@dataclass(frozen=True)
class HomeMute:
    """A mute that the user set."""

    channel: str
    job_id: str | None
    """None for every job of the channel."""
    until: float
    """Unix seconds."""
    name: str | None = None
    """Name of the job, if it has one, untrusted text."""


@dataclass(frozen=True)
class AccountHealth:
    """Whether an account's API responds."""

    polled_at: float | None
    problem: str | None
    """Why the API could not be read, safe mrkdwn with an emoji; None if it was read."""
    account: str
    """Name of the account, safe mrkdwn."""


@dataclass(frozen=True)
class Following:
    """What the user set up."""

    tracked: Sequence[tuple[str, str]] = ()
    """Name, untrusted, and channel of the newest jobs that they track by hand."""
    tracked_count: int = 0
    """How many they track."""
    subscribed: Sequence[str] = ()
    """Channels that they subscribed."""
    muted: Sequence[HomeMute] = ()
    may_track: bool = True
    """Whether they are allowed to track jobs."""


@dataclass(frozen=True)
class Home:
    """Contents of one user's Home tab."""

    jobs: Sequence[HomeJob]
    """Every job to choose from."""
    undelivered: Sequence[UndeliveredMessages]
    models: Sequence[FineTunedModel]
    """Nearest shutdown first."""
    following: Following
    health: Sequence[AccountHealth]
    """Of every account."""
    version: str
    now: float
    """Unix seconds."""


def home_view(home: Home) -> Block:
    """Return the Home tab of a user who may read."""
    following = home.following
    is_new = following.may_track and not following.tracked_count and not following.subscribed
    undelivered = _undelivered(home.undelivered)
    most = MAX_ROWS - min(_MAX_CHANNELS, len(home.undelivered))
    urgent = [*attention_rows(home.jobs, most=most, now=home.now), *undelivered]
    blocks = [
        *([section(NOTHING_TRACKED)] if is_new else []),
        *titled("Needs attention", urgent),
        *titled("In progress", jobs_in_progress(home.jobs)),
        *latest_results(home.jobs, now=home.now),
        *([] if home.jobs else [context(_no_jobs(home.health))]),
        *titled("Models retiring soon", _retiring(home)),
        *map(context, _following(following)),
    ]
    return {"type": "home", "blocks": [*blocks, _refresh(), *map(context, _footer(home.health, home.version))]}


def home_unavailable() -> Block:
    """Return the Home tab for a store that does not respond."""
    return {"type": "home", "blocks": [section(HOME_UNAVAILABLE), _refresh()]}


def home_denied(why: str, *, is_temporary: bool) -> Block:
    """Return the Home tab of a user who can't read; ``why`` is safe mrkdwn, a temporary reason gets a Refresh button."""
    blocks = [section(f":warning: {why}"), _refresh()] if is_temporary else [section(why)]
    return {"type": "home", "blocks": blocks}


def _refresh() -> Block:
    return actions(button("Refresh", REFRESH_HOME, "home", accessibility_label="Refresh this page"))


def _undelivered(channels: Sequence[UndeliveredMessages]) -> list[Block]:
    """Return the channels to which messages couldn't be delivered, with the reason and the fix."""
    if not channels:
        return []
    hidden = len(channels) - _MAX_CHANNELS
    others = f"And {counted(hidden, 'more channel')}. " if hidden > 0 else ""
    hint = f"{others}Operators can retry these messages with `/ftjob outbox`."
    return [*sections([_undelivered_text(each) for each in channels[:_MAX_CHANNELS]]), context(hint)]


def _undelivered_text(messages: UndeliveredMessages) -> str:
    if messages.channel.startswith("D"):
        text = f":warning: {counted(messages.count, 'direct message')} couldn't be delivered"
    else:
        to = channel_mention(messages.channel)
        text = f":warning: {counted(messages.count, 'message')} couldn't be delivered to {to}"
    if reason := delivery_error(messages.error, messages.channel):
        return f"{text}. {' '.join(reason)}"
    return f"{text} ({code_span(messages.error or '?', 40)})."


def _retiring(home: Home) -> list[Block]:
    today = datetime.fromtimestamp(home.now, UTC).date()
    dated = [(each, each.shutdown_date) for each in home.models if each.shutdown_date]
    soon = [model for model, shutdown in dated if 0 <= (shutdown - today).days <= RETIRES_SOON]
    rows = sections([model_row(each, today) for each in soon[:MAX_ROWS]])
    return [*rows, *map(context, and_more(len(soon) - MAX_ROWS, "see `/ftjob models`"))]


def _following(following: Following) -> list[str]:
    """Return one line each for the user's tracked jobs, subscriptions and mutes."""
    tracked = [f"{bold(name)} in {channel_mention(channel)}" for name, channel in following.tracked]
    subscribed = [channel_mention(channel) for channel in following.subscribed]
    muted = [_mute_text(each) for each in following.muted]
    lines = (
        ("Your tracked jobs", tracked, following.tracked_count, "see `/ftjob tracked` in a channel"),
        ("Your subscriptions", subscribed, len(subscribed), "see `/ftjob subscriptions` in a channel"),
        (":mute: Muted", muted, len(muted), "see `/ftjob settings` in a channel"),
    )
    return [f"{label}: {_first_of(items, count, how)}" for label, items, count, how in lines if items]


def _first_of(items: Sequence[str], count: int, how: str) -> str:
    """Return the first few items, and how to see the others; ``count`` is how many there are."""
    hidden = count - MAX_ROWS
    return ", ".join(items[:MAX_ROWS]) + (f" and {hidden} more ({how})" if hidden > 0 else "")


def _mute_text(mute: HomeMute) -> str:
    what = job_mention(mute.job_id, mute.name, MAX_ID_LENGTH) if mute.job_id else "all jobs"
    return f"{what} in {channel_mention(mute.channel)} until {format_date(mute.until)}"


def _no_jobs(accounts: Sequence[AccountHealth]) -> str:
    """Return why no job is shown: there is none, or it can't be told."""
    failing = sum(each.problem is not None for each in accounts)
    if any(each.problem == STILL_CHECKING for each in accounts):
        return "No jobs loaded yet."
    if failing == len(accounts):
        return "I can't read any jobs right now, and none are stored yet."
    if failing:
        return "No jobs yet in the accounts I can read."
    return "No jobs yet. To look for new ones, click Refresh."


def _footer(accounts: Sequence[AccountHealth], version: str) -> list[str]:
    """Return the last lines: the version, and each account's last check, those with a problem first."""
    about = f"ftjob {safe_text(version)} · `/ftjob help`"
    failing, healthy = ([each for each in accounts if bool(each.problem) is failed] for failed in (True, False))
    if len(accounts) == 1 and healthy:
        return [f"{_account_health(healthy[0])} · {about}"]
    lines = list(dict.fromkeys(map(_account_health, [*failing, *healthy])))
    hidden = len(lines) - MAX_ROWS
    more = [f"and {counted(hidden, 'more account')} (see `/ftjob about`)"] if hidden > 0 else []
    return [*lines[:MAX_ROWS], *more, about]


def _account_health(health: AccountHealth) -> str:
    if health.problem is None:
        polled = f"last check {format_date(health.polled_at)}" if health.polled_at else "no complete check yet"
        return f"{health.account}: API OK · {polled}"
    polled = (
        f"Last successful check: {format_date(health.polled_at)}." if health.polled_at else "No successful check yet."
    )
    return f"{health.problem} {polled}"
