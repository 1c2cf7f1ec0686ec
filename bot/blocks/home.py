"""The Home tab."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.job import OPEN_PAGE, emoji, word
from bot.blocks.known import aged
from bot.blocks.parts import LONGEST_ID, Block, actions, button, code, context, date, place, plain, section

REFRESH_HOME = "ftjob_home"
START = (
    "Nothing is followed for you yet. In a channel, type `/ftjob subscribe` to follow every new job there, or "
    "`/ftjob track` and a job's id; `/ftjob track` with an id and `me` tells you alone."
)


BROKEN = (
    ":warning: I could not read what is followed. Nothing is lost: press Refresh, or open this tab again in a minute."
)
NEW_JOB = ": one appears as soon as it is created."
_MOST_PLACES = 10


@dataclass(frozen=True)
class Row:
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
class Quiet:
    """What somebody muted."""

    channel: str
    job_id: str | None
    """None where it is every job."""
    until: float
    """Seconds since the epoch."""


@dataclass(frozen=True)
class Health:
    """How an account fares."""

    swept_at: float | None
    problem: str | None
    """Why the fine-tuning API was not read, safe mrkdwn with its sign; None where it was."""
    account: str
    """What to call the account, already safe."""


@dataclass(frozen=True)
class Home:
    """What one person gets to see."""

    mine: Sequence[Row]
    running: Sequence[Row]
    recent: Sequence[Row]
    subscribed: Sequence[str]
    """Channels that the person subscribed."""
    muted: Sequence[Quiet]
    health: Sequence[Health]
    """Of each account."""
    version: str
    may_follow: bool = True
    """Whether the person may track jobs."""
    more_mine: int = 0
    """How many jobs there are beside ``mine``; likewise beside ``running`` and ``recent``, as far as they were read."""
    more_running: int = 0
    more_recent: int = 0


def home(shown: Home) -> Block:
    """Draw the Home tab of somebody who may read."""
    blocks = _troubles(shown.health)
    if shown.mine or shown.may_follow:
        blocks += [section("*Jobs that you track*"), *(_rows(shown.mine) or [section(START)])]
        blocks += _more(shown.more_mine, "`/ftjob tracked` shows those of a channel")
    if shown.subscribed:
        channels = [place(channel) for channel in shown.subscribed]
        blocks.append(context("You subscribed " + _some(channels, "`/ftjob subscriptions` shows those of a channel")))
    if shown.muted:
        quiet = [_quiet(each) for each in shown.muted]
        blocks.append(context(":mute: You muted " + _some(quiet, "`/ftjob settings` shows those of a channel")))
    running = _rows(shown.running) or [context(_none_runs(shown))]
    blocks += [section("*Running now*"), *running]
    blocks += _more(shown.more_running, "`/ftjob list active` shows them")
    newest = _rows(shown.recent) or [context(_none("No job yet", shown.health, NEW_JOB))]
    blocks += [section("*Newest*"), *newest, *_more(shown.more_recent, "`/ftjob list` shows them")]
    return {"type": "home", "blocks": [*blocks, _refresh(), context(_health(shown.health, shown.version))]}


def broken() -> Block:
    """Draw the Home tab where the store does not answer."""
    return {"type": "home", "blocks": [section(BROKEN), _refresh()]}


def closed(why: str, *, passes: bool) -> Block:
    """Draw the Home tab of somebody who is shown nothing; ``why`` is safe mrkdwn, ``passes`` where it may soon be over."""
    return {"type": "home", "blocks": [section(f":warning: {why}"), _refresh()] if passes else [section(why)]}


def _refresh() -> Block:
    return actions(button("Refresh", REFRESH_HOME, "home", says="Show the present state of everything here"))


def _some(words: Sequence[str], how: str) -> str:
    hidden = len(words) - _MOST_PLACES
    return ", ".join(words[:_MOST_PLACES]) + (f" and {hidden} more: {how}" if hidden > 0 else "")


def _more(hidden: int, how: str) -> list[Block]:
    return [context(f"And {hidden} more: {how}.")] if hidden > 0 else []


def _quiet(quiet: Quiet) -> str:
    what = code(quiet.job_id, LONGEST_ID) if quiet.job_id else "every job"
    return f"{what} in {place(quiet.channel)} until {date(quiet.until)}"


def _rows(rows: Sequence[Row]) -> list[Block]:
    return [section(_row(row), accessory=_page(row)) if row.page else section(_row(row)) for row in rows]


def _none(said: str, accounts: Sequence[Health], then: str = ".") -> str:
    """Return that there is nothing, as far as somebody looked; ``then`` ends that where it is all there is."""
    silent = sum(each.problem is not None for each in accounts)
    if silent == len(accounts):
        return "I don't know at present: nothing was read, and nothing is stored."
    return f"{said} in the accounts that I can read." if silent else f"{said}{then}"


def _none_runs(shown: Home) -> str:
    """Return that no job runs, or ran when jobs were last seen; that of the account that was not seen for longest."""
    seen = [row.as_of for row in shown.recent if row.as_of]
    if seen and all(each.problem for each in shown.health):
        return f"No job was running{aged(min(seen))}."
    return _none("No job is running", shown.health)


def _troubles(accounts: Sequence[Health]) -> list[Block]:
    """Return why some accounts are not shown as they are now."""
    found = list(dict.fromkeys(each.problem for each in accounts if each.problem))
    hidden = [context(f"and {len(found) - _MOST_PLACES} accounts more")] if len(found) > _MOST_PLACES else []
    return [*(section(text) for text in found[:_MOST_PLACES]), *hidden]


def _row(row: Row) -> str:
    where = f" · told in {place(row.channel)}" if row.channel else ""
    whose = f" · {plain(row.account)}" if row.account else ""
    return f"{emoji(row.status)} {word(row.status)} · {code(row.job_id, LONGEST_ID)}{whose}{where}{aged(row.as_of)}"


def _page(row: Row) -> Block:
    return button("Open page", OPEN_PAGE, row.job_id, url=row.page, says=f"Open the page of {row.job_id}")


def _health(accounts: Sequence[Health], version: str) -> str:
    fares = [_fares(each) for each in accounts[:_MOST_PLACES]]
    hidden = (
        [f"and {len(accounts) - _MOST_PLACES} accounts more: `/ftjob about` names them"]
        if len(accounts) > _MOST_PLACES
        else []
    )
    if len(accounts) == 1:
        return f"ftjob {plain(version)} · {fares[0]} · `/ftjob help`"
    return "\n".join([f"ftjob {plain(version)} · `/ftjob help`", *fares, *hidden])


def _fares(health: Health) -> str:
    looked = f"last look {date(health.swept_at)}" if health.swept_at else "no look so far"
    return f"{health.account}: {looked}" if health.problem else f"{health.account}: its API answers · {looked}"
