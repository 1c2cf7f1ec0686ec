"""`audit`: who tried what, for operators."""

from bot.blocks.audit import AuditRow, Repeats, audit_message
from bot.blocks.parts import code_span, user_mention
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.store.actions.audit import AuditFilter, AuditLine, Decision

DEFAULT_ROWS = 10


async def show(command: Command, context: Context) -> Reply:
    """Show the newest rows, or those before a row, of all or of some; what anybody can repeat is summed up among all."""
    which = AuditFilter(command.decision, command.person, next(iter(command.job_ids), None))
    most, before = command.limit or DEFAULT_ROWS, int(command.after) if command.after else None
    page = await context.store.actions.audit.page(which, most, before=before)
    older = _command(which, most, page.older) if page.older is not None else None
    lines, is_first = [_line(each) for each in page.lines], before is None
    message = audit_message(lines, left_out=page.people_left_out, older=older, what=_what(which), is_first=is_first)
    return Reply(message, replaces=command.replaces, decision=Decision.SHOWN)


def _line(shown: AuditLine) -> AuditRow:
    entry = shown.newest.entry
    return AuditRow(
        shown.newest.at,
        entry.person,
        entry.channel,
        entry.verb,
        entry.decision.value,
        job_id=entry.job_id,
        reason=entry.reason,
        statuses=(entry.status_before, entry.status_after),
        repeats=Repeats(shown.count, shown.first_at) if shown.count > 1 else None,
    )


def _command(which: AuditFilter, most: int, before: int) -> str:
    """Return the command that shows the next page, as it could be typed."""
    person = f"<@{which.person}>" if which.person else ""
    words = ("audit", str(most), which.decision or "", person, which.job_id or "", f"after:{before}")
    return " ".join(word for word in words if word)


def _what(which: AuditFilter) -> str:
    decided = f"that say {code_span(which.decision)}" if which.decision else ""
    person = f"of {user_mention(which.person)}" if which.person else ""
    job = f"about {code_span(which.job_id)}" if which.job_id else ""
    return " ".join(word for word in (decided, person, job) if word)
