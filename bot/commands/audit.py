"""`audit`: who tried what, for operators."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.blocks.audit import AuditRow, Repeats, audit_message
from bot.blocks.parts import code_span, job_mention, user_mention
from bot.commands.accounts import Account
from bot.commands.arguments import echo, page_after
from bot.commands.command import Command, Reply, Requester
from bot.commands.services import Services
from bot.commands.tokenizer import as_typed, unusual_character
from bot.commands.usage import Usage, usage_error
from bot.jobs.actions import Decision
from bot.jobs.ids import parse_foreign_id, parse_job_id
from bot.store.actions.audit import AuditFilter, AuditLine, AuditPage

USAGE = Usage("audit [n] [denied] [@person] [id]", "show who did what (operators only)", "audit 20")
DEFAULT_ROWS = 10
MAX_ROWS = 25
"""Rows at a time."""
_MAX_QUOTED_LENGTH = 60
_PERSON = re.compile(r"<@(?P<id>[UW][A-Z0-9]{1,30})(?:\|[^>]*)?>", re.ASCII)
_ROW = re.compile(r"[0-9]{1,18}", re.ASCII)
"""The id of a row."""
_COUNT = re.compile(r"[1-9][0-9]?", re.ASCII)


@dataclass(frozen=True)
class AuditCommand(Command):
    """`audit`."""

    verb = "audit"

    decision: Decision | None = None
    person: str | None = None
    """The person whose rows are wanted."""
    limit: int = DEFAULT_ROWS
    after: str | None = None
    """The id of the last row of the page before."""


def parse(words: list[str], requester: Requester) -> AuditCommand:
    """Read the words after `audit`."""
    words, after = page_after(words)
    found: dict[str, Any] = {}
    for word in words:
        name, value = _argument(word)
        if found.setdefault(name, value) != value:
            raise usage_error(
                USAGE,
                f"{code_span(as_typed(word), _MAX_QUOTED_LENGTH)} is an extra value. Use at most one number, one outcome, one person, and one job ID.",
            )
    if after is not None and not _ROW.fullmatch(after):
        raise usage_error(USAGE, f"{code_span(after, _MAX_QUOTED_LENGTH)} isn't an audit entry.")
    return AuditCommand(requester, after=after, **found)


def _argument(word: str) -> tuple[str, Any]:
    """Return the field of the command that a word sets, and its value."""
    if _COUNT.fullmatch(word) and int(word) <= MAX_ROWS:
        return "limit", int(word)
    if word.casefold() in list(Decision):
        return "decision", Decision(word.casefold())
    if person := _PERSON.fullmatch(word):
        return "person", person["id"]
    if job_id := parse_job_id(word) or (None if word.isdecimal() else parse_foreign_id(word)):
        return "job_ids", (job_id,)
    hint = f"Use a number up to {MAX_ROWS}, an outcome like `denied`, an @mention, or an ID."
    raise usage_error(USAGE, f"I didn't understand {echo(word)}.{unusual_character(as_typed(word))} {hint}")


async def run(command: AuditCommand, services: Services, _account: Account) -> Reply:
    """Show the newest matching rows, or those before a row. Rows that anyone can cause repeatedly are collapsed."""
    matching = AuditFilter(command.decision, command.person, next(iter(command.job_ids), None))
    before = int(command.after) if command.after else None
    page = await services.store.actions.audit.page(matching, command.limit, before=before)
    older = _older(matching, command.limit, page.older) if page.older is not None else None
    names = await services.store.jobs.names.of(_job_ids(matching, page))
    rows, what = [_row(each, names) for each in page.lines], _what(matching, names)
    message = audit_message(rows, left_out=page.people_left_out, older=older, what=what, is_first=before is None)
    return Reply(message, replaces=command.replaces, decision=Decision.SHOWN)


def _job_ids(matching: AuditFilter, page: AuditPage) -> list[str]:
    entries = [line.newest.entry for line in page.lines]
    return [*([matching.job_id] if matching.job_id else []), *(job_id for each in entries for job_id in each.job_ids)]


def _row(line: AuditLine, names: Mapping[str, str]) -> AuditRow:
    entry = line.newest.entry
    return AuditRow(
        line.newest.at,
        entry.person,
        entry.channel,
        entry.verb,
        entry.decision.value,
        jobs=[(job_id, names.get(job_id)) for job_id in entry.job_ids],
        reason=entry.reason,
        statuses=(entry.status_before, entry.status_after),
        repeats=Repeats(line.count, line.first_at) if line.count > 1 else None,
    )


def _older(matching: AuditFilter, limit: int, before: int) -> str:
    """Return the command that shows the next page, as it could be typed."""
    person = f"<@{matching.person}>" if matching.person else ""
    words = ("audit", str(limit), matching.decision or "", person, matching.job_id or "", f"after:{before}")
    return " ".join(word for word in words if word)


def _what(matching: AuditFilter, names: Mapping[str, str]) -> str:
    decided = code_span(matching.decision) if matching.decision else ""
    person = f"by {user_mention(matching.person)}" if matching.person else ""
    job = f"job {job_mention(matching.job_id, names.get(matching.job_id))}" if matching.job_id else ""
    return " · ".join(part for part in (decided, person, job) if part)
