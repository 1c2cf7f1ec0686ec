"""The Home tab."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.job import OPEN_PAGE, status_emoji, status_label
from bot.blocks.known import as_of_suffix
from bot.blocks.parts import (
    LONGEST_ID,
    Block,
    actions,
    button,
    channel_mention,
    code_span,
    context,
    format_date,
    safe_text,
    section,
)

REFRESH_HOME = "ftjob_home"
NOTHING_TRACKED = (
    "Nothing is followed for you yet. In a channel, type `/ftjob subscribe` to follow every new job there, or "
    "`/ftjob track` and a job's id; `/ftjob track` with an id and `me` tells you alone."
)


HOME_UNAVAILABLE = (
    ":warning: I could not read what is followed. Nothing is lost: press Refresh, or open this tab again in a minute."
)
NEW_JOB = ": one appears as soon as it is created."
_MOST_PLACES = 10


@dataclass(frozen=True)
class HomeRow:
    """One job of a list."""

    job_id: str
    status: str
    channel: str | None = None
    """Where it is told; None where that is not the point."""
    page: str | None = None
    """The address of the provider's page for it, where that is known."""
    account: str | None = None
    """Whose it is, where there are several accounts."""
    as_of: float | None = None
    """When it was so, where its account cannot be read now."""


@dataclass(frozen=True)
class HomeMute:
    """What somebody muted."""

    channel: str
    job_id: str | None
    """None where it is every job."""
    until: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class AccountHealth:
    """How an account fares."""

    polled_at: float | None
    problem: str | None
    """Why the fine-tuning API was not read, safe mrkdwn with its sign; None where it was."""
    account: str
    """What to call the account, already safe."""


@dataclass(frozen=True)
class Home:
    """What one person gets to see."""

    tracked: Sequence[HomeRow]
    running: Sequence[HomeRow]
    recent: Sequence[HomeRow]
    subscribed: Sequence[str]
    """Channels that the person subscribed."""
    muted: Sequence[HomeMute]
    health: Sequence[AccountHealth]
    """Of each account."""
    version: str
    may_track: bool = True
    """Whether the person may track jobs."""
    more_tracked: int = 0
    """How many jobs there are beside ``mine``; likewise beside ``running`` and ``recent``, as far as they were read."""
    more_running: int = 0
    more_recent: int = 0


def home_view(shown: Home) -> Block:
    """Draw the Home tab of somebody who may read."""
    blocks = _account_problems(shown.health)
    if shown.tracked or shown.may_track:
        blocks += [section("*Jobs that you track*"), *(_rows(shown.tracked) or [section(NOTHING_TRACKED)])]
        blocks += _more(shown.more_tracked, "`/ftjob tracked` shows those of a channel")
    if shown.subscribed:
        channels = [channel_mention(channel) for channel in shown.subscribed]
        blocks.append(
            context("You subscribed " + _first_of(channels, "`/ftjob subscriptions` shows those of a channel"))
        )
    if shown.muted:
        quiet = [_mute_text(each) for each in shown.muted]
        blocks.append(context(":mute: You muted " + _first_of(quiet, "`/ftjob settings` shows those of a channel")))
    running = _rows(shown.running) or [context(_nothing_running(shown))]
    blocks += [section("*Running now*"), *running]
    blocks += _more(shown.more_running, "`/ftjob list active` shows them")
    newest = _rows(shown.recent) or [context(_nothing_found("No job yet", shown.health, NEW_JOB))]
    blocks += [section("*Newest*"), *newest, *_more(shown.more_recent, "`/ftjob list` shows them")]
    return {"type": "home", "blocks": [*blocks, _refresh(), context(_health(shown.health, shown.version))]}


def home_unavailable() -> Block:
    """Draw the Home tab where the store does not answer."""
    return {"type": "home", "blocks": [section(HOME_UNAVAILABLE), _refresh()]}


def home_denied(why: str, *, is_temporary: bool) -> Block:
    """Draw the Home tab of somebody who is shown nothing; ``why`` is safe mrkdwn, ``passes`` where it may soon be over."""
    return {"type": "home", "blocks": [section(f":warning: {why}"), _refresh()] if is_temporary else [section(why)]}


def _refresh() -> Block:
    return actions(
        button("Refresh", REFRESH_HOME, "home", accessibility_label="Show the present state of everything here")
    )


def _first_of(words: Sequence[str], how: str) -> str:
    hidden = len(words) - _MOST_PLACES
    return ", ".join(words[:_MOST_PLACES]) + (f" and {hidden} more: {how}" if hidden > 0 else "")


def _more(hidden: int, how: str) -> list[Block]:
    return [context(f"And {hidden} more: {how}.")] if hidden > 0 else []


def _mute_text(quiet: HomeMute) -> str:
    what = code_span(quiet.job_id, LONGEST_ID) if quiet.job_id else "every job"
    return f"{what} in {channel_mention(quiet.channel)} until {format_date(quiet.until)}"


def _rows(rows: Sequence[HomeRow]) -> list[Block]:
    return [section(_row(row), accessory=_page(row)) if row.page else section(_row(row)) for row in rows]


def _nothing_found(said: str, accounts: Sequence[AccountHealth], then: str = ".") -> str:
    """Return that there is nothing, as far as somebody looked; ``then`` ends that where it is all there is."""
    silent = sum(each.problem is not None for each in accounts)
    if silent == len(accounts):
        return "I don't know at present: nothing was read, and nothing is stored."
    return f"{said} in the accounts that I can read." if silent else f"{said}{then}"


def _nothing_running(shown: Home) -> str:
    """Return that no job runs, or ran when jobs were last seen; that of the account that was not seen for longest."""
    seen = [row.as_of for row in shown.recent if row.as_of]
    if seen and all(each.problem for each in shown.health):
        return f"No job was running{as_of_suffix(min(seen))}."
    return _nothing_found("No job is running", shown.health)


def _account_problems(accounts: Sequence[AccountHealth]) -> list[Block]:
    """Return why some accounts are not shown as they are now."""
    found = list(dict.fromkeys(each.problem for each in accounts if each.problem))
    hidden = [context(f"and {len(found) - _MOST_PLACES} accounts more")] if len(found) > _MOST_PLACES else []
    return [*(section(text) for text in found[:_MOST_PLACES]), *hidden]


def _row(row: HomeRow) -> str:
    where = f" · told in {channel_mention(row.channel)}" if row.channel else ""
    whose = f" · {safe_text(row.account)}" if row.account else ""
    return f"{status_emoji(row.status)} {status_label(row.status)} · {code_span(row.job_id, LONGEST_ID)}{whose}{where}{as_of_suffix(row.as_of)}"


def _page(row: HomeRow) -> Block:
    return button(
        "Open page", OPEN_PAGE, row.job_id, url=row.page, accessibility_label=f"Open the page of {row.job_id}"
    )


def _health(accounts: Sequence[AccountHealth], version: str) -> str:
    fares = [_account_health(each) for each in accounts[:_MOST_PLACES]]
    hidden = (
        [f"and {len(accounts) - _MOST_PLACES} accounts more: `/ftjob about` names them"]
        if len(accounts) > _MOST_PLACES
        else []
    )
    if len(accounts) == 1:
        return f"ftjob {safe_text(version)} · {fares[0]} · `/ftjob help`"
    return "\n".join([f"ftjob {safe_text(version)} · `/ftjob help`", *fares, *hidden])


def _account_health(health: AccountHealth) -> str:
    looked = f"last look {format_date(health.polled_at)}" if health.polled_at else "no look so far"
    return f"{health.account}: {looked}" if health.problem else f"{health.account}: its API answers · {looked}"
