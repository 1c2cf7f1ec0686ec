"""Short answers: help, notes, problems, and the question before a cancel."""

from collections.abc import Sequence

from bot.blocks.job import doing, emoji, word
from bot.blocks.parts import (
    Block,
    Message,
    actions,
    button,
    code,
    context,
    date,
    duration,
    escape,
    fields,
    plain,
    section,
    spoken,
)
from bot.jobs.actions import WORDS, Order
from bot.jobs.models import Job

CONFIRM = "ftjob_confirm"
"""The one button that gives an order; its value is the question's key."""

STILL_CHECKING = ":hourglass_flowing_sand: Still checking…"
"""What is said where an answer takes long."""
UNCONFIRMED = "Slack didn't confirm that it took my answer. If you don't see it, please ask again."


def note(text: str) -> Message:
    """Draw one sentence or two that are already safe."""
    return Message(spoken(text), [section(text)])


def problem(text: str, *, ref: str | None = None) -> Message:
    """Draw what went wrong and what to do about it; ``ref`` leads to the log."""
    said = f":warning: {text}"
    return Message(spoken(said), [section(said), *([context(f"ref: {code(ref)}")] if ref else [])])


def comes_late(asked: float) -> Block:
    """Draw under an answer to what it belongs, where Slack took it long after it was asked."""
    return context(f":hourglass: You asked at {date(asked)}; Slack took my answer only now.")


def help_text(rows: Sequence[tuple[str, str]]) -> Message:
    """Draw the verbs: how each is written and what it does."""
    lines = [f"`/ftjob {escape(form)}`  {does}" for form, does in rows]
    intro = "I watch fine-tuning jobs and tell this channel when they change."
    start = "Start with `/ftjob subscribe`, or `/ftjob track` and a job's id."
    return Message(f"{intro} {start}", [section(f"{intro}\n{start}"), section("\n".join(lines))])


def usage(form: str, does: str, example: str) -> Message:
    """Draw one verb."""
    text = f"`/ftjob {escape(form)}`  {does}\nExample: `/ftjob {example}`"
    return Message(f"/ftjob {escape(form)}: {does}. Example: /ftjob {example}", [section(text)])


def facts(title: str, pairs: Sequence[tuple[str, str]]) -> Message:
    """Draw labelled values, already safe."""
    said = ", ".join(f"{label.lower()} {value}" for label, value in pairs)
    return Message(spoken(f"{title}: {said}."), [section(f"*{title}*"), *fields(pairs)])


def order_question(
    order: Order, job: Job, key: str, *, now: float, instead: str = "", account: str | None = None
) -> Message:
    """Ask whether to give an order; only the button does it.

    Args:
        order: what is asked.
        job: as it was just read.
        key: the stored question's.
        now: seconds since the epoch.
        instead: why it is asked again, safe mrkdwn.
        account: whose job it is, where there are several accounts.
    """
    pairs = [("Status", f"{emoji(job.status)} {word(job.status)}")]
    if account:
        pairs.append(("Account", code(account)))
    if job.model:
        pairs.append(("Model", code(job.model)))
    if job.created_at:
        pairs.append(("Created", f"{duration(max(0.0, now - job.created_at))} ago"))
    tokens = "the API does not say before the end" if job.trained_tokens is None else f"{job.trained_tokens:,}"
    pairs.append(("Tokens so far", tokens))
    asked, warning = order.capitalize(), WORDS[order].warning
    is_for_good = order is Order.CANCEL
    style, says = ("danger", f"Cancel {job.id} for good") if is_for_good else ("primary", f"{asked} {job.id}")
    yes = button(f"{asked} this job", CONFIRM, key, style=style, says=says)
    leave = "let it run" if order is not Order.RESUME else "leave it paused"
    small = context(f"Do nothing to {leave}. The button works for 10 minutes, for you alone.")
    said = f"{asked} fine-tuning job {plain(job.id)}? It {doing(job.status)}. {warning.split(',')[0].rstrip('.')}."
    head = [section(instead)] if instead else []
    text = section(f"{asked} {code(job.id)}? {warning}")
    return Message(f"{instead} {said}".strip(), [*head, text, *fields(pairs), actions(yes), small])
