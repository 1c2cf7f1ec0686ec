"""The filter language of `list`, `subscribe` and `unsubscribe`, and the accounts that they name. Pure."""

import re
from collections.abc import Sequence

from rapidfuzz import fuzz, process

from bot.blocks.parts import code_span
from bot.commands.tokenizer import ACCOUNT, MODEL, as_typed, problem_in, quoted, unusual_character
from bot.commands.usage import Usage, usage_error
from bot.jobs.filters import Filter
from bot.jobs.ids import parse_job_id
from bot.jobs.models import OWNER_KEY
from bot.jobs.statuses import STATUS_WORDS, parse_status_filter
from bot.text import printable

MINE = "mine"
MAX_PAIRS = 16
"""Pairs of metadata that one job can carry."""
MAX_LISTED = 25
_MAX_QUOTED_LENGTH = 60
_MAX_PART = 30
_CLOSE_ENOUGH = 70
_ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_MODEL = re.compile(rf"{MODEL}[^!;|<>-][^;|<>]*", re.IGNORECASE)
_NEGATED = re.compile(r"^[!-]|[!<>~^]$")
"""How other filter languages begin or end what they negate, or compare in another way."""
_BEFORE_STATUS = ("status", "state", "states", "is")
"""Keys that people put before a status, as they know it from elsewhere."""


def stands_alone(word: str) -> bool:
    """Whether a word can be one by itself: a status, ``mine``, what has a key, or a job's id."""
    folded = word.casefold()
    has_key = "=" in word or folded.startswith((MODEL, ACCOUNT))
    return has_key or folded == MINE or parse_status_filter(word) is not None or parse_job_id(word) is not None


def is_account_name(text: str) -> bool:
    """Whether an account can have this name."""
    return _ACCOUNT_NAME.fullmatch(text) is not None


def read_account(usage: Usage, words: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the words without the one that names an account, and its name.

    Raises:
        UserError: two are named, or what is named can be none.
    """
    chosen = {as_typed(word)[len(ACCOUNT) :].casefold() for word in words if word.casefold().startswith(ACCOUNT)}
    remaining = [word for word in words if not word.casefold().startswith(ACCOUNT)]
    if len(chosen) > 1:
        raise usage_error(usage, "Use only one `account:`.")
    name = next(iter(chosen), None)
    if name is not None and not is_account_name(name):
        quoted = code_span(ACCOUNT + name, _MAX_QUOTED_LENGTH)
        raise usage_error(usage, f"{quoted} isn't a valid account name. Use lowercase letters, digits, and hyphens.")
    return remaining, name


def read_filter(usage: Usage, words: Sequence[str], person: str, *, expected: str) -> Filter:
    """Return the filter that words are.

    Args:
        usage: how the verb is typed, for errors.
        words: the words.
        person: the id of the user who typed them.
        expected: what the verb takes, for errors, as a sentence: "Use a status, `key=value`, or ...".

    Raises:
        UserError: a word is none of a filter's, or no job can match all of them.
    """
    statuses, typed = set[str](), list(map(as_typed, words))
    model, owner, metadata = None, None, dict[str, str]()
    for word in typed:
        key, equals, value = word.partition("=")
        if (found := parse_status_filter(word)) is not None:
            statuses |= found
        elif word.casefold() in (MINE, "my"):
            owner = person
        elif _MODEL.fullmatch(word) and model in (None, word[len(MODEL) :]):
            model = word[len(MODEL) :]
        elif equals and key and value and _instead_of(key, value) is None:
            if metadata.setdefault(key, value) != value:
                raise usage_error(usage, _two_values(key))
        else:
            raise usage_error(usage, _not_understood(word, expected))
        if problem := problem_in(word):
            raise usage_error(usage, f"{code_span(visible(word), _MAX_QUOTED_LENGTH)} {problem}.")
    return _checked(usage, Filter(tuple(sorted(statuses)), model, tuple(sorted(metadata.items())), owner))


def _checked(usage: Usage, found: Filter) -> Filter:
    if found.owner and dict(found.metadata).get(OWNER_KEY, found.owner) != found.owner:
        raise usage_error(usage, f"{_two_values(OWNER_KEY)} `mine` filters by your member ID.")
    if len(found.required_metadata) > MAX_PAIRS:
        raise usage_error(usage, f"Use up to {MAX_PAIRS} `key=value` pairs.")
    return found


def written(job_filter: Filter, account: str | None = None) -> str:
    """Return a filter as it can be typed: "failed model:gpt-4o* team='big vision' mine account:research"."""
    words = [*job_filter.statuses]
    words += [f"{MODEL}{quoted(job_filter.model, stands_alone, key=MODEL)}"] if job_filter.model else []
    words += [f"{key}={quoted(value, stands_alone)}" for key, value in job_filter.metadata]
    words += [MINE] if job_filter.owner else []
    return " ".join([*words, *([f"{ACCOUNT}{account}"] if account else [])])


def _two_values(key: str) -> str:
    return f"A job has only one value for {code_span(key, _MAX_PART)}. Filter by one."


def _instead_of(key: str, value: str) -> str | None:
    """Return what somebody who typed ``key=value`` most likely meant, None where it is a pair of metadata."""
    folded = key.casefold()
    if folded == MODEL[:-1]:
        return f"{MODEL}{value}"
    if folded in _BEFORE_STATUS:
        return value if parse_status_filter(value) is not None else _nearest(value, STATUS_WORDS)
    # A filter cannot negate: what looks as if it did would find what is not asked for, or nothing.
    return "" if _NEGATED.search(key) else None


def _not_understood(word: str, expected: str) -> str:
    quoted = code_span(visible(word), _MAX_QUOTED_LENGTH)
    key, equals, value = word.partition("=")
    if equals and _instead_of(key, value) == "":
        return f"{quoted} isn't supported. Metadata filters only support exact matches, such as `team=search`."
    if strange := unusual_character(word):
        return f"I didn't understand {quoted}.{strange}"
    likely = _likely(word)
    hint = f" Did you mean {code_span(likely)}?" if likely and likely != word and len(likely) <= _MAX_PART else ""
    return f"I didn't understand {quoted}.{hint} {expected}"


def _likely(word: str) -> str | None:
    """Return the filter that a misspelled word probably means."""
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
