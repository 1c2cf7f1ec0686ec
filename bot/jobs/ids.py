"""Job IDs, as users type them and as APIs list them: OpenAI's have a known shape, those of other APIs have their own. Pure."""

import re

from bot.text import character_name

_JOB_ID = re.compile(r"ft(job)?[-_][A-Za-z0-9_-]{1,64}", re.ASCII)

_EMBEDDED_ID = re.compile(rf"(?<![A-Za-z0-9_:-]){_JOB_ID.pattern}(?![A-Za-z0-9_-])", re.ASCII)

JOB_PAGE_PREFIXES = ("https://platform.openai.com/finetune/", "https://platform.openai.com/finetune?jobId=")
"""URL prefixes of OpenAI's job pages; a pasted URL stands for its job."""

OTHER_JOB_PAGE_PREFIXES = {
    "https://api.together.ai/fine-tuning/": "",
    "https://app.fireworks.ai/dashboard/fine-tuning/supervised/": "ftjob-",
}
"""URL prefixes of other providers' job pages, and what to put before the ID in them."""

_SCHEME = re.compile(r"https?://", re.ASCII | re.IGNORECASE)
"""Slack adds http:// to a URL that was typed without a scheme."""
_PAGE_PREFIXES = {
    _SCHEME.sub("", page): before
    for page, before in (dict.fromkeys(JOB_PAGE_PREFIXES, "") | OTHER_JOB_PAGE_PREFIXES).items()
}

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
    """Return the job ID that a typed word stands for, or None.

    Accepts the bare ID, one in quotes or backticks, and the URL of the job's page, with or without its scheme, also in
    Slack's link markup (``<https://...|label>``). Ignores a link's label, and any other host.
    """
    if is_job_id(text):
        return text  # also if it ends in a character that is stripped below
    word = text.strip(_QUOTES)
    if word.startswith("<") and word.endswith(">"):
        word = word[1:-1].split("|", 1)[0]
    # A link may include the punctuation behind the URL.
    found = (_id_of_page(_SCHEME.sub("", word, count=1)) or word).rstrip(_QUOTES.replace("_", "") + ".;:!?)]")
    return found if is_job_id(found) else None


def _id_of_page(url: str) -> str | None:
    """Return the ID in the URL of a job's page, given without its scheme; None for any other URL."""
    folded = url.casefold()
    for page, before in _PAGE_PREFIXES.items():
        if folded.startswith(page.casefold()):
            return before + re.split(r"[?&#/]", url[len(page) :], maxsplit=1)[0]
    return None


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
