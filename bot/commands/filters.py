"""Read what somebody wants to hear of: the words after ``subscribe``, and for how long to be quiet. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from bot.blocks.parts import code
from bot.commands.command import Verb
from bot.commands.usage import misused
from bot.jobs.filters import Filter
from bot.jobs.ids import job_id_in
from bot.jobs.statuses import FINAL_PHASES, KNOWN_WORDS, settled_word
from bot.store.audit import Decision

FINISHED = "finished"
"""The word for every end."""
MINE = "mine"
MODEL = "model:"
LONGEST_FILTER = 1_500
"""Characters of a filter as it is stored."""
LONGEST_MUTE = 7 * 86_400.0
"""Seconds."""
MOST_ROWS = 25
"""Rows of the audit at a time."""
_LONGEST_ECHO = 60
_PERSON = re.compile(r"<@(?P<id>[UW][A-Z0-9]{1,30})(?:\|[^>]*)?>", re.ASCII)
_ROW = re.compile(r"[0-9]{1,18}", re.ASCII)
"""What fits into a row's id."""
_COUNT = re.compile(r"[1-9][0-9]?", re.ASCII)
_TIME = re.compile(r"([1-9][0-9]{0,4})(m|min|h|d)", re.ASCII | re.IGNORECASE)
_SECONDS = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def typed(word: str) -> str:
    """Return a word as it was typed: Slack escapes a command's text, so that only what it resolved has brackets."""
    return word.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def read_filter(verb: Verb, words: Sequence[str], person: str) -> Filter:
    """Return the filter that words are, as they were typed; ``person`` is who typed them.

    Raises:
        UserError: one of them is none of a filter's.
    """
    statuses: set[str] = set()
    model, owner, metadata = None, None, dict[str, str]()
    for word in words:
        folded = word.casefold()
        key, equals, value = word.partition("=")
        if folded == FINISHED:
            statuses |= {phase.value for phase in FINAL_PHASES}
        elif folded in KNOWN_WORDS:
            statuses.add(settled_word(folded))
        elif folded == MINE:
            owner = person
        elif folded.startswith(MODEL) and len(word) > len(MODEL) and model is None:
            model = word[len(MODEL) :]
        elif equals and key and value:
            metadata[key] = value
        else:
            said = f"{code(word, _LONGEST_ECHO)} is neither a status, one `model:`, key=value, `mine` nor `account:` and a name."
            raise misused(verb, said)
    found = Filter(tuple(sorted(statuses)), model, tuple(sorted(metadata.items())), owner)
    if len(found.to_json()) > LONGEST_FILTER:
        raise misused(verb, "That is too much for one subscription; several may do.")
    return found


def read_time(verb: Verb, word: str) -> float:
    """Return the seconds that a word such as ``30m``, ``2h`` or ``1d`` stands for.

    Raises:
        UserError: it stands for none, or for too many.
    """
    time = _TIME.fullmatch(word)
    if time is None:
        raise misused(verb, f"{code(word, _LONGEST_ECHO)} is not a time such as 30m, 2h or 1d.")
    seconds = int(time[1]) * _SECONDS[time[2].lower()]
    if seconds > LONGEST_MUTE:
        raise misused(verb, "A mute lasts 7 days at the most.")
    return seconds


def read_rows(verb: Verb, words: list[str], after: str | None) -> dict[str, Any]:
    """Return which rows of the audit somebody wants to see, as fields of a command.

    Raises:
        UserError: a word chooses none.
    """
    found: dict[str, Any] = {}
    for word in words:
        if _COUNT.fullmatch(word) and int(word) <= MOST_ROWS:
            found["most"] = int(word)
        elif word.casefold() in list(Decision):
            found["decision"] = Decision(word.casefold())
        elif person := _PERSON.fullmatch(word):
            found["person"] = person["id"]
        elif job_id := job_id_in(word):
            found["job_ids"] = (job_id,)
        else:
            hint = (
                f"a number up to {MOST_ROWS}, `denied` (or another word that the audit says), @somebody, nor a job id"
            )
            raise misused(verb, f"{code(typed(word), _LONGEST_ECHO)} is neither {hint}.")
    if after is not None and not _ROW.fullmatch(after):
        raise misused(verb, f"{code(after, _LONGEST_ECHO)} is no row of the audit.")
    return found
