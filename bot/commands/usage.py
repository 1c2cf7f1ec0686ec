"""How a verb is typed. Pure."""

from dataclasses import dataclass

from bot.blocks.parts import escape
from bot.errors import UserError


@dataclass(frozen=True)
class Usage:
    """How a verb is typed."""

    syntax: str
    description: str
    example: str


def usage_error(usage: Usage, problem: str) -> UserError:
    """Return the error for a verb with invalid arguments: ``problem``, then the verb's syntax."""
    return UserError(f"{problem}\nUsage: `/ftjob {escape(usage.syntax)}`\nExample: `/ftjob {usage.example}`")
