"""Filter language of `list`, `subscribe` and `unsubscribe`; what else chooses: times and rows of the audit. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from rapidfuzz import fuzz, process

from bot.blocks.parts import code_span
from bot.commands.command import Verb
from bot.commands.tokenizer import ACCOUNT, MODEL, as_typed, problem_in, quoted, unusual_character
from bot.commands.usage import usage_error
from bot.jobs.filters import Filter
from bot.jobs.ids import parse_job_id
from bot.jobs.models import OWNER_KEY
from bot.jobs.statuses import STATUS_WORDS, parse_status_filter
from bot.store.actions.audit import Decision
from bot.text import printable

MINE = "mine"
MOST_PAIRS = 16
"""Pairs of metadata that one job can carry."""
MOST_LISTED = 25
LONGEST_FILTER = 1_500
"""Characters of a filter as it is stored."""
LONGEST_MUTE = 7 * 86_400.0
"""Seconds."""
MOST_ROWS = 25
"""Rows of the audit at a time."""
_LONGEST_ECHO = 60
_LONGEST_PART = 30
_CLOSE_ENOUGH = 70
_ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_MODEL = re.compile(rf"{MODEL}[^!;|<>-][^;|<>]*", re.IGNORECASE)
_NEGATED = re.compile(r"^[!-]|[!<>~^]$")
"""How other languages begin or end what they turn around, or compare in another way."""
_OF_STATES = ("status", "state", "states", "is")
"""What people put before a state, as they know it from elsewhere."""
_WORDS_OF = {
    Verb.LIST: f"a state, a number up to {MOST_LISTED}, `mine`, model:name, account:name nor key=value",
    Verb.SUBSCRIBE: "a status, one `model:`, key=value, `mine` nor `account:` and a name",
    Verb.UNSUBSCRIBE: "`all`, a number, nor a filter as in `subscribe`",
}
_PERSON = re.compile(r"<@(?P<id>[UW][A-Z0-9]{1,30})(?:\|[^>]*)?>", re.ASCII)
_ROW = re.compile(r"[0-9]{1,18}", re.ASCII)
"""What fits into a row's id."""
_COUNT = re.compile(r"[1-9][0-9]?", re.ASCII)
_TIME = re.compile(r"([1-9][0-9]{0,4})(m|min|h|d)", re.ASCII | re.IGNORECASE)
_SECONDS = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def stands_alone(word: str) -> bool:
    """Whether a word can be one by itself: a state, ``mine``, what has a key, or a job's id."""
    folded = word.casefold()
    has_key = "=" in word or folded.startswith((MODEL, ACCOUNT))
    return has_key or folded == MINE or parse_status_filter(word) is not None or parse_job_id(word) is not None


def read_account(verb: Verb, words: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the words without the one that names an account, and its name.

    Raises:
        UserError: two are named, or what is named can be none.
    """
    chosen = {as_typed(word)[len(ACCOUNT) :].casefold() for word in words if word.casefold().startswith(ACCOUNT)}
    rest = [word for word in words if not word.casefold().startswith(ACCOUNT)]
    if len(chosen) > 1:
        raise usage_error(verb, "One `account:` at a time.")
    name = next(iter(chosen), None)
    if name is not None and not _ACCOUNT_NAME.fullmatch(name):
        raise usage_error(
            verb, f"{code_span(ACCOUNT + name, _LONGEST_ECHO)} is no account: a name has small letters, digits and -."
        )
    return rest, name


def read_filter(verb: Verb, words: Sequence[str], person: str) -> Filter:
    """Return the filter that words are; ``person`` is who typed them.

    Raises:
        UserError: a word is none of a filter's, or no job can meet all of them.
    """
    statuses, every = set[str](), list(map(as_typed, words))
    model, owner, metadata = None, None, dict[str, str]()
    for word in every:
        key, equals, value = word.partition("=")
        if (states := parse_status_filter(word)) is not None:
            statuses |= states
        elif word.casefold() in (MINE, "my"):
            owner = person
        elif _MODEL.fullmatch(word) and model in (None, word[len(MODEL) :]):
            model = word[len(MODEL) :]
        elif equals and key and value and _instead_of(key, value) is None:
            if metadata.setdefault(key, value) != value:
                raise usage_error(verb, _two_values(key))
        else:
            raise usage_error(verb, _not_understood(verb, word))
        if problem := problem_in(word):
            raise usage_error(verb, f"{code_span(visible(word), _LONGEST_ECHO)} {problem}.")
    return _checked(verb, Filter(tuple(sorted(statuses)), model, tuple(sorted(metadata.items())), owner))


def _checked(verb: Verb, found: Filter) -> Filter:
    if found.owner and dict(found.metadata).get(OWNER_KEY, found.owner) != found.owner:
        raise usage_error(verb, f"{_two_values(OWNER_KEY)} `mine` stands for yours.")
    if len(found.required_metadata) > MOST_PAIRS:
        raise usage_error(verb, f"At most {MOST_PAIRS} pairs at a time.")
    if verb is Verb.SUBSCRIBE and len(found.to_json()) > LONGEST_FILTER:
        raise usage_error(verb, "That is too much for one subscription; several may do.")
    return found


def written(wanted: Filter, account: str | None = None) -> str:
    """Return a filter as it can be typed: "failed model:gpt-4o* team='big vision' mine account:research"."""
    words = [*wanted.statuses]
    words += [f"{MODEL}{quoted(wanted.model, stands_alone, key=MODEL)}"] if wanted.model else []
    words += [f"{key}={quoted(value, stands_alone)}" for key, value in wanted.metadata]
    words += [MINE] if wanted.owner else []
    return " ".join([*words, *([f"{ACCOUNT}{account}"] if account else [])])


def _two_values(key: str) -> str:
    return f"A job has one value of {code_span(key, _LONGEST_PART)}, never two: ask for one."


def _instead_of(key: str, value: str) -> str | None:
    """Return what somebody who typed ``key=value`` most likely meant, None where it is a pair of metadata."""
    folded = key.casefold()
    if folded == MODEL[:-1]:
        return f"{MODEL}{value}"
    if folded in _OF_STATES:
        return value if parse_status_filter(value) is not None else _nearest(value, STATUS_WORDS)
    # Nothing of a filter turns it around: what looks as if it did would find what is not asked for, or nothing.
    return "" if _NEGATED.search(key) else None


def _not_understood(verb: Verb, word: str) -> str:
    key, equals, value = word.partition("=")
    if equals and _instead_of(key, value) == "":
        return f"{code_span(visible(word), _LONGEST_ECHO)} can't be asked for: a filter says what jobs have, as in `team=search`."
    likely = _likely(word)
    hint = f" Did you mean {code_span(likely)}?" if likely and likely != word and len(likely) <= _LONGEST_PART else ""
    return f"{code_span(visible(word), _LONGEST_ECHO)} is neither {_WORDS_OF[verb]}.{unusual_character(word) or hint}"


def _likely(word: str) -> str | None:
    """Return what somebody probably meant by a word that is none of a filter's."""
    key, sign, value = next((word.partition(sign) for sign in ":=" if sign in word), (word, "", ""))
    if not sign:
        return _nearest(word, (*STATUS_WORDS, MINE))
    if not value:
        return None
    if instead := _instead_of(key, value):
        return instead
    near = _nearest(key, (MODEL[:-1], ACCOUNT[:-1]))
    return None if near == key or sign == "=" else f"{near}:{value}" if near else f"{key}={value}"


def _nearest(word: str, known: Sequence[str]) -> str | None:
    found = process.extractOne(word.casefold(), known, scorer=fuzz.ratio, score_cutoff=_CLOSE_ENOUGH)
    return found[0] if found else None


def visible(text: str) -> str:
    """Return a typed text to be shown, with escapes for what can't be seen in it."""
    return printable(text) if problem_in(text) else text


def read_time(verb: Verb, word: str) -> float:
    """Return the seconds that a word such as ``30m``, ``2h`` or ``1d`` stands for.

    Raises:
        UserError: it stands for none, or for too many.
    """
    time = _TIME.fullmatch(word)
    if time is None:
        raise usage_error(
            verb,
            f"{code_span(visible(word), _LONGEST_ECHO)} is not a time such as 30m, 2h or 1d.{unusual_character(word)}",
        )
    seconds = int(time[1]) * _SECONDS[time[2].lower()]
    if seconds > LONGEST_MUTE:
        raise usage_error(verb, "A mute lasts 7 days at the most.")
    return seconds


def read_rows(verb: Verb, words: list[str], after: str | None) -> dict[str, Any]:
    """Return which rows of the audit somebody wants to see, as fields of a command.

    Raises:
        UserError: a word chooses none.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, value = _row_chosen(verb, word)
        if found.setdefault(name, value) != value:
            raise usage_error(
                verb,
                f"{code_span(as_typed(word), _LONGEST_ECHO)} is one too many: the audit shows one of a kind at a time.",
            )
    if after is not None and not _ROW.fullmatch(after):
        raise usage_error(verb, f"{code_span(after, _LONGEST_ECHO)} is no row of the audit.")
    return found


def _row_chosen(verb: Verb, word: str) -> tuple[str, Any]:
    """Return the field of a command that a word says, and its value."""
    if _COUNT.fullmatch(word) and int(word) <= MOST_ROWS:
        return "limit", int(word)
    if word.casefold() in list(Decision):
        return "decision", Decision(word.casefold())
    if person := _PERSON.fullmatch(word):
        return "person", person["id"]
    if job_id := parse_job_id(word):
        return "job_ids", (job_id,)
    hint = f"a number up to {MOST_ROWS}, `denied` (or another word that the audit says), @somebody, nor a job id"
    raise usage_error(
        verb,
        f"{code_span(visible(as_typed(word)), _LONGEST_ECHO)} is neither {hint}.{unusual_character(as_typed(word))}",
    )
