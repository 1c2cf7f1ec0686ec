"""The Home tab of the app: a user's tracked jobs, what is running, and whether each account's API responds."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.interactive import actions, button
from bot.blocks.job import OPEN_PAGE, job_line
from bot.blocks.last_known import as_of_suffix
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Block,
    and_more,
    channel_mention,
    code_span,
    context,
    counted,
    format_date,
    safe_text,
    section,
)

REFRESH_HOME = "ftjob_home"
NOTHING_TRACKED = (
    "You're not tracking any jobs. In a channel, type `/ftjob subscribe` to track all new jobs there, or "
    "`/ftjob track &lt;id&gt;` for one job. `/ftjob track &lt;id&gt; me` sends you DMs."
)
HOME_UNAVAILABLE = (
    ":warning: Couldn't load this page. Nothing is lost; press Refresh, or open this tab again in a minute."
)
NEW_JOB = ". They appear here as soon as they're created."
_MAX_ITEMS = 10


@dataclass(frozen=True)
class HomeRow:
    """One job of a list."""

    job_id: str
    status: str
    name: str
    """Its display name, untrusted text."""
    channel: str | None = None
    """Channel that gets its alerts; None in lists that do not show it."""
    page_url: str | None = None
    """URL of the provider's page for the job, if known."""
    account: str | None = None
    """Name of its account, if there are several."""
    as_of: float | None = None
    """When the status was read, Unix seconds, if its account cannot be read now."""


@dataclass(frozen=True)
class HomeRows:
    """One list of jobs."""

    rows: Sequence[HomeRow] = ()
    more: int = 0
    """How many jobs are left out, as far as they were read; 0 or less for none."""


@dataclass(frozen=True)
class HomeMute:
    """A mute that the user set."""

    channel: str
    job_id: str | None
    """None for every job of the channel."""
    until: float
    """Unix seconds."""


@dataclass(frozen=True)
class AccountHealth:
    """Whether an account's API responds."""

    polled_at: float | None
    problem: str | None
    """Why the API could not be read, safe mrkdwn with an emoji; None if it was read."""
    account: str
    """Name of the account, safe mrkdwn."""


@dataclass(frozen=True)
class Home:
    """Contents of one user's Home tab."""

    tracked: HomeRows
    running: HomeRows
    recent: HomeRows
    subscribed: Sequence[str]
    """Channels that the user subscribed."""
    muted: Sequence[HomeMute]
    health: Sequence[AccountHealth]
    """Of every account."""
    version: str
    may_track: bool = True
    """Whether the user is allowed to track jobs."""


def home_view(home: Home) -> Block:
    """Return the Home tab of a user who may read."""
    blocks = _account_problems(home.health)
    if home.tracked.rows or home.may_track:
        blocks += [section("*Your tracked jobs*"), *(_rows(home.tracked) or [section(NOTHING_TRACKED)])]
        blocks += map(context, and_more(home.tracked.more, "see `/ftjob tracked` in a channel"))
    if home.subscribed:
        channels = [channel_mention(channel) for channel in home.subscribed]
        listed = _first_of(channels, "see `/ftjob subscriptions` in a channel")
        blocks.append(context(f"Your subscriptions: {listed}"))
    if home.muted:
        listed = _first_of([_mute_text(each) for each in home.muted], "see `/ftjob settings` in a channel")
        blocks.append(context(f":mute: Muted: {listed}"))
    blocks += [section("*Running now*"), *(_rows(home.running) or [context(_nothing_running(home))])]
    blocks += map(context, and_more(home.running.more, "see `/ftjob list active`"))
    nothing = context(_nothing_found("No jobs yet", home.health, NEW_JOB))
    blocks += [section("*Latest jobs*"), *(_rows(home.recent) or [nothing])]
    blocks += map(context, and_more(home.recent.more, "see `/ftjob list`"))
    return {"type": "home", "blocks": [*blocks, _refresh(), context(_health(home.health, home.version))]}


def home_unavailable() -> Block:
    """Return the Home tab for a store that does not respond."""
    return {"type": "home", "blocks": [section(HOME_UNAVAILABLE), _refresh()]}


def home_denied(why: str, *, is_temporary: bool) -> Block:
    """Return the Home tab of a user who can't read; ``why`` is safe mrkdwn, a temporary reason gets a Refresh button."""
    blocks = [section(f":warning: {why}"), _refresh()] if is_temporary else [section(why)]
    return {"type": "home", "blocks": blocks}


def _refresh() -> Block:
    return actions(button("Refresh", REFRESH_HOME, "home", accessibility_label="Refresh this page"))


def _first_of(items: Sequence[str], how: str) -> str:
    """Return the first few items, and how to see the others."""
    hidden = len(items) - _MAX_ITEMS
    return ", ".join(items[:_MAX_ITEMS]) + (f" and {hidden} more ({how})" if hidden > 0 else "")


def _mute_text(mute: HomeMute) -> str:
    what = code_span(mute.job_id, MAX_ID_LENGTH) if mute.job_id else "all jobs"
    return f"{what} in {channel_mention(mute.channel)} until {format_date(mute.until)}"


def _rows(jobs: HomeRows) -> list[Block]:
    return [section(_row(each), accessory=_open_button(each) if each.page_url else None) for each in jobs.rows]


def _open_button(row: HomeRow) -> Block:
    return button("Open", OPEN_PAGE, row.job_id, url=row.page_url, accessibility_label=f"Open {row.name}")


def _nothing_found(text: str, accounts: Sequence[AccountHealth], end: str = ".") -> str:
    """Return the text of an empty list; ``end`` follows if all accounts were read, so that there really is nothing."""
    failing = sum(each.problem is not None for each in accounts)
    if failing == len(accounts):
        return "I can't tell right now. Nothing could be read, and nothing is stored."
    return f"{text} in the accounts I can read." if failing else f"{text}{end}"


def _nothing_running(home: Home) -> str:
    """Return the text of an empty list of running jobs, with the age of the oldest read if no account responds."""
    read_at = [row.as_of for row in home.recent.rows if row.as_of]
    if read_at and all(each.problem for each in home.health):
        return f"No jobs were running{as_of_suffix(min(read_at))}."
    return _nothing_found("No jobs are running", home.health)


def _account_problems(accounts: Sequence[AccountHealth]) -> list[Block]:
    found = list(dict.fromkeys(each.problem for each in accounts if each.problem))
    hidden = len(found) - _MAX_ITEMS
    more = [context(f"and {counted(hidden, 'more account')}")] if hidden > 0 else []
    return [*map(section, found[:_MAX_ITEMS]), *more]


def _row(row: HomeRow) -> str:
    channel = f" · alerts in {channel_mention(row.channel)}" if row.channel else ""
    account = f" · {safe_text(row.account)}" if row.account else ""
    return f"{job_line(row.name, row.status)}{account}{channel}{as_of_suffix(row.as_of)}"


def _health(accounts: Sequence[AccountHealth], version: str) -> str:
    """Return the footer: the version, and the health of each account."""
    lines = [_account_health(each) for each in accounts[:_MAX_ITEMS]]
    if len(accounts) == 1:
        return f"ftjob {safe_text(version)} · {lines[0]} · `/ftjob help`"
    hidden = len(accounts) - _MAX_ITEMS
    more = [f"and {counted(hidden, 'more account')} (see `/ftjob about`)"] if hidden > 0 else []
    return "\n".join([f"ftjob {safe_text(version)} · `/ftjob help`", *lines, *more])


def _account_health(health: AccountHealth) -> str:
    polled = f"last check {format_date(health.polled_at)}" if health.polled_at else "not checked yet"
    return f"{health.account}: {polled}" if health.problem else f"{health.account}: API OK · {polled}"
