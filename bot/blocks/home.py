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
NOT_FOR_YOU = (
    "I watch fine-tuning jobs for the members of this workspace, so I have nothing to show to guests and to people of "
    "other companies. Ask a member of your channel."
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


def home(shown: Home) -> Block:
    """Draw the Home tab of somebody who may read."""
    blocks = [*_troubles(shown.health), section("*Jobs that you track*"), *(_rows(shown.mine) or [section(START)])]
    if shown.subscribed:
        blocks.append(context("You subscribed " + _some([place(channel) for channel in shown.subscribed])))
    if shown.muted:
        blocks.append(context(":mute: You muted " + _some([_quiet(each) for each in shown.muted])))
    blocks += [section("*Running now*"), *(_rows(shown.running) or [context(_none("No job is running", shown.health))])]
    newest = _rows(shown.recent) or [context(_none("No job yet", shown.health, NEW_JOB))]
    blocks += [section("*Newest*"), *newest]
    return {"type": "home", "blocks": [*blocks, _refresh(), context(_health(shown.health, shown.version))]}


def broken() -> Block:
    """Draw the Home tab where the store does not answer."""
    return {"type": "home", "blocks": [section(BROKEN), _refresh()]}


def closed(why: str) -> Block:
    """Draw the Home tab of somebody of whom nothing is known yet; ``why`` is safe mrkdwn."""
    return {"type": "home", "blocks": [section(f":warning: {why}"), _refresh()]}


def stranger() -> Block:
    """Draw the Home tab of somebody who may not read."""
    return {"type": "home", "blocks": [section(NOT_FOR_YOU)]}


def _refresh() -> Block:
    return actions(button("Refresh", REFRESH_HOME, "home", says="Show the present state of everything here"))


def _some(words: Sequence[str]) -> str:
    hidden = len(words) - _MOST_PLACES
    return ", ".join(words[:_MOST_PLACES]) + (f" and {hidden} more" if hidden > 0 else "")


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
    hidden = [f"and {len(accounts) - _MOST_PLACES} accounts more"] if len(accounts) > _MOST_PLACES else []
    if len(accounts) == 1:
        return f"ftjob {plain(version)} · {fares[0]} · `/ftjob help`"
    return "\n".join([f"ftjob {plain(version)} · `/ftjob help`", *fares, *hidden])


def _fares(health: Health) -> str:
    looked = f"last look {date(health.swept_at)}" if health.swept_at else "no look so far"
    return f"{health.account}: {looked}" if health.problem else f"{health.account}: its API answers · {looked}"
