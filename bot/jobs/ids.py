"""Job IDs, as users type them and as APIs list them: OpenAI's have a known shape, those of other APIs have their own. Pure.

The URL of a job's page stands for its ID.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from bot.text import character_name

_JOB_ID = re.compile(r"ft(job)?[-_][A-Za-z0-9_-]{1,64}", re.ASCII)

_EMBEDDED_ID = re.compile(rf"(?<![A-Za-z0-9_:-]){_JOB_ID.pattern}(?![A-Za-z0-9_-])", re.ASCII)

_SCHEME = re.compile(r"https?://", re.ASCII | re.IGNORECASE)
"""Slack adds http:// to a URL that was typed without a scheme."""
_JOB = "{job}"
_PUNCTUATION = "`'\"\u2018\u2019\u201c\u201d*,.;:!?)]"

MAX_ID_LENGTH = 128
SHORT_ID_LENGTH = 20
"""Characters that stand for an ID where a job has no name: its start and its end."""
_ANY_ID = re.compile(r"[A-Za-z0-9][!#-%(-;=?-_a-{}~]{0,127}", re.ASCII)
"""IDs that are safe in requests, messages and buttons: printable ASCII without spaces, quotes and markup."""
_TYPED_ID = re.compile(
    r"(?=[^0-9]*[0-9]|.{6})(?=.*[0-9_./:-])(?!ft(?:job)?[-_])[A-Za-z0-9][A-Za-z0-9._~:/@+-]{0,125}={0,2}", re.ASCII
)
"""Typed words that may be another API's ID: UUIDs, ARNs, base64, names; a word of letters only is a typo."""
_QUOTES = "`'\"\u2018\u2019\u201c\u201d*_,"

OTHER_IDS = {
    "ft:": "a model name",
    "file-": "a file ID",
    "batch_": "a batch ID",
    "org-": "an organization ID",
    "proj_": "a project ID",
}
"""Prefixes of IDs that users confuse with a job's."""


def is_job_id(text: str) -> bool:
    """Whether ``text`` has the shape of an OpenAI job ID; case counts, nothing is stripped."""
    return _JOB_ID.fullmatch(text) is not None


def is_valid_id(text: str) -> bool:
    """Whether a job of any API can have this ID: up to 128 printable ASCII characters that are safe in a URL path."""
    return _ANY_ID.fullmatch(text) is not None and ".." not in text and "//" not in text


def parse_foreign_id(text: str) -> str | None:
    """Return the ID without OpenAI's shape that a typed word may be, or None; only its API knows."""
    word = text.strip(_QUOTES)
    return word if _TYPED_ID.fullmatch(word) and is_valid_id(word) else None


def first_invalid_character(text: str) -> str | None:
    """Return the first character that is not printable ASCII, as "U+202E RIGHT-TO-LEFT OVERRIDE"; None without one."""
    return next((character_name(each) for each in text if not (each.isascii() and each.isprintable())), None)


def parse_job_id(text: str) -> str | None:
    """Return the job ID that a typed word stands for, or None: the bare ID, or one in quotes or backticks."""
    if is_job_id(text):
        return text  # also if it ends in a character that is stripped below
    found = text.strip(_QUOTES).rstrip(_QUOTES.replace("_", "") + ".;:!?)]")
    return found if is_job_id(found) else None


def find_job_ids(text: str) -> list[str]:
    """Return every OpenAI job ID in a text, once each, in order."""
    return list(dict.fromkeys(found[0] for found in _EMBEDDED_ID.finditer(text)))


def other_id_kind(text: str) -> str | None:
    """Return what kind of ID ``text`` is if it clearly is not a job's ("a model name"), or None."""
    return next((kind for start, kind in OTHER_IDS.items() if text.startswith(start)), None)


def short_id(text: str, length: int = SHORT_ID_LENGTH) -> str:
    """Return the start and the end of an ID, in up to ``length`` characters."""
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[-end:]}"


@dataclass(frozen=True)
class JobPages:
    """The pages of several accounts."""

    prefixes: tuple[tuple[str, str], ...] = ()
    """What the URL of a page begins with, without its scheme, and the prefix of the IDs of its jobs."""

    @classmethod
    def of(cls, patterns: Iterable[tuple[str, str]]) -> Self:
        """Return the pages with these URLs, each with {job} for the ID; the others show no single job."""
        known = {_SCHEME.sub("", url.split(_JOB)[0], count=1): before for url, before in patterns if url.endswith(_JOB)}
        return cls(tuple(known.items()))

    def find(self, word: str) -> str | None:
        """Return the ID of the job whose page a typed word is the URL of, or None.

        Accepts a URL with or without its scheme, also in Slack's link markup (``<https://...|label>``), whose label is
        ignored, and with punctuation behind it.
        """
        link = word[1:-1].split("|", 1)[0] if word.startswith("<") and word.endswith(">") else word
        url = _SCHEME.sub("", link, count=1)
        for page, before in self.prefixes:
            if url.casefold().startswith(page.casefold()):
                own_id = unquote(re.split(r"[?&#/]", url[len(page) :], maxsplit=1)[0].rstrip(_PUNCTUATION))
                is_whole = bool(own_id) and "/" not in own_id and is_valid_id(before + own_id)
                return before + own_id if is_whole else None
        return None
