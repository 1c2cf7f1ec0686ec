"""Help: syntax and description of the verbs."""

from collections.abc import Sequence

from bot.blocks.parts import Message, escape, section


def help_message(rows: Sequence[tuple[str, str]]) -> Message:
    """Return the help: syntax and description of every verb."""
    lines = [f"`/ftjob {escape(syntax)}`  {does}" for syntax, does in rows]
    intro = "I track fine-tuning jobs and post updates here."
    start = f"To get started, run `/ftjob subscribe` (all new jobs) or `/ftjob track {escape('<id>')}`."
    return Message(f"{intro} {start}", [section(f"{intro}\n{start}"), section("\n".join(lines))])


def usage_message(syntax: str, does: str, example: str) -> Message:
    """Return the help for one verb."""
    text = f"`/ftjob {escape(syntax)}`  {does}\nExample: `/ftjob {example}`"
    return Message(f"/ftjob {escape(syntax)}: {does}. Example: /ftjob {example}", [section(text)])
