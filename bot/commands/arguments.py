"""Readers of arguments that several verbs take: ids of jobs, a count, a page. Pure."""

import re
from collections.abc import Sequence

from bot.blocks.parts import code_span
from bot.commands.filters import MAX_LISTED, visible
from bot.commands.tokenizer import as_typed, unusual_character
from bot.commands.usage import Usage, usage_error
from bot.jobs.ids import (
    MAX_ID_LENGTH,
    first_invalid_character,
    is_job_id,
    other_id_kind,
    parse_foreign_id,
    parse_job_id,
)
from bot.text import printable

MAX_IDS = 5
"""Jobs that one command can name."""
COUNTS = frozenset(map(str, range(1, MAX_LISTED + 1)))
"""Counts of rows, as they are typed."""
WHICH_JOB = "Which job?"
CREDENTIAL_TYPED = "That looks like a secret, such as a token or key. I haven't stored it, but it went through Slack, so revoke it now."
_MAX_QUOTED_LENGTH = 60
_AFTER = re.compile(r"after:(?P<id>[A-Za-z0-9_-][!#-%(-;=?-_a-~]{0,1900})", re.ASCII)


def no_arguments(usage: Usage, words: list[str]) -> None:
    """Check that a verb has no more words after it.

    Raises:
        UserError: it has.
    """
    if words:
        verb = usage.syntax.split()[0]
        hint = unusual_character(as_typed(words[0]))
        raise usage_error(usage, f"`{verb}` doesn't take {echo(words[0])}.{hint}")


def page_after(words: list[str]) -> tuple[list[str], str | None]:
    """Return the words without a last `after:...`, and the id of the row after which the page begins."""
    found = _AFTER.fullmatch(words[-1]) if words else None
    return (words[:-1], found["id"]) if found else (words, None)


def one_job_id(usage: Usage, words: list[str], *, otherwise: str = "Name one job at a time.") -> tuple[str, ...]:
    """Return the id of the one job that words name.

    Raises:
        UserError: they name none, or several; ``otherwise`` says so.
    """
    if len(words) > 1:
        raise usage_error(usage, otherwise)
    return job_ids(usage, words)


def job_ids(usage: Usage, words: list[str]) -> tuple[str, ...]:
    """Return the distinct ids of the jobs that words name, in their order.

    Raises:
        UserError: a word is no id, or there are none or too many.
    """
    if not words:
        raise usage_error(usage, WHICH_JOB)
    if len(words) > MAX_IDS:
        raise usage_error(usage, f"Name up to {MAX_IDS} jobs at a time.")
    return tuple(dict.fromkeys(_job_id(usage, word) for word in words))


def could_be_name(words: Sequence[str]) -> bool:
    """Whether words may be the name of a job: no ID of something else, no link, and nothing that looks like another text."""
    typed = list(map(as_typed, words))
    has_letter = any(each.isalnum() or not each.isascii() for word in typed for each in word)
    return has_letter and not any(
        other_id_kind(word) or word.startswith("<") or "/" in word or unusual_character(text)
        for word, text in zip(words, typed, strict=True)
    )


def echo(word: str) -> str:
    """Return a word as it was typed, safe mrkdwn."""
    return code_span(visible(as_typed(word)), _MAX_QUOTED_LENGTH)


def _job_id(usage: Usage, word: str) -> str:
    # Help writes <id>, so some type the brackets, too.
    bare_id = word.removeprefix("&lt;").removesuffix("&gt;")
    if job_id := bare_id if is_job_id(bare_id) else parse_job_id(word):
        return job_id
    if other := other_id_kind(word):
        raise usage_error(usage, f"{echo(word)} is {other}, not a job ID.")
    if strange := first_invalid_character(as_typed(word)):
        quoted = code_span(printable(as_typed(word).encode("ascii", "backslashreplace").decode()), _MAX_QUOTED_LENGTH)
        raise usage_error(usage, f"{quoted} isn't a job ID. It contains {strange}, which isn't allowed in an ID.")
    if foreign := parse_foreign_id(as_typed(word) if _is_linked(word) else word):
        return foreign
    length = f" It's longer than {MAX_ID_LENGTH} characters." if len(word) > MAX_ID_LENGTH else ""
    raise usage_error(usage, f"{echo(word)} isn't a job ID.{length}")


def _is_linked(word: str) -> bool:
    """Whether Slack made a link of an address: no person, channel or group is a job's id."""
    return re.match("<(?![@#!])", word) is not None
