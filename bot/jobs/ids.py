"""Job ids, as people write them and as APIs list them: OpenAI's have a known shape, any other API's are its own."""

import re

from bot.text import character_name

_JOB_ID = re.compile(r"ft(job)?[-_][A-Za-z0-9_-]{1,64}", re.ASCII)

_EMBEDDED_ID = re.compile(rf"(?<![A-Za-z0-9_:-]){_JOB_ID.pattern}(?![A-Za-z0-9_-])", re.ASCII)

JOB_PAGE_PREFIXES = ("https://platform.openai.com/finetune/", "https://platform.openai.com/finetune?jobId=")
"""How the addresses of job pages begin; a pasted one stands for its job."""

OTHER_JOB_PAGE_PREFIXES = {
    "https://api.together.ai/fine-tuning/": "",
    "https://app.fireworks.ai/dashboard/fine-tuning/supervised/": "ftjob-",
}
"""How the addresses of other providers' job pages begin, and what stands before the id there."""

_SCHEME = re.compile(r"https?://", re.ASCII | re.IGNORECASE)
"""Slack gives http:// to an address that somebody typed without one."""
_PAGE_PREFIXES = {
    _SCHEME.sub("", page): before
    for page, before in (dict.fromkeys(JOB_PAGE_PREFIXES, "") | OTHER_JOB_PAGE_PREFIXES).items()
}

LONGEST_ID = 128
_ANY_ID = re.compile(r"[A-Za-z0-9][!#-%(-;=?-_a-{}~]{0,127}", re.ASCII)
"""What can be asked for, shown and pressed: printable ASCII without a space, quotes, or what is markup."""
_TYPED_ID = re.compile(
    r"(?=[^0-9]*[0-9]|.{6})(?=.*[0-9_./:-])(?!ft(?:job)?[-_])[A-Za-z0-9][A-Za-z0-9._~:/@+-]{0,125}={0,2}", re.ASCII
)
"""What may be another API's id where somebody types it: UUIDs, ARNs, base64, names; a word of mere letters is a slip."""
_QUOTES = "`'\"\u2018\u2019\u201c\u201d*_,"

OTHER_IDS = {
    "ft:": "a model name",
    "file-": "a file id",
    "batch_": "a batch id",
    "org-": "an organisation id",
    "proj_": "a project id",
}
"""Ids that people confuse with a job's, by how they begin."""


def is_job_id(text: str) -> bool:
    """Whether ``text`` has the shape of a fine-tuning job id; case counts, nothing is stripped."""
    return _JOB_ID.fullmatch(text) is not None


def is_valid_id(text: str) -> bool:
    """Whether an API's job can have this id: up to 128 printable ASCII characters that cannot leave their place."""
    return _ANY_ID.fullmatch(text) is not None and ".." not in text and "//" not in text


def parse_foreign_id(text: str) -> str | None:
    """Return the id of another shape than OpenAI's that a word of chat may be, or None; only its API knows."""
    word = text.strip(_QUOTES)
    return word if _TYPED_ID.fullmatch(word) and is_valid_id(word) else None


def first_invalid_character(text: str) -> str | None:
    """Return the first character that no id has as "U+202E RIGHT-TO-LEFT OVERRIDE", None where each is printable ASCII."""
    return next((character_name(each) for each in text if not (each.isascii() and each.isprintable())), None)


def parse_job_id(text: str) -> str | None:
    """Return the job id that a word of chat stands for, or None.

    Accepts the bare id, one in quotes or backticks, and the address of the job's page, with or without its scheme, also
    as Slack sends links (``<https://...|label>``). A link's label is never trusted, nor any other host.
    """
    if is_job_id(text):
        return text  # whole, also where it ends in what is stripped below
    word = text.strip(_QUOTES)
    if word.startswith("<") and word.endswith(">"):
        word = word[1:-1].split("|", 1)[0]
    # A link may have swallowed what stood behind the address.
    found = (_id_of_page(_SCHEME.sub("", word, count=1)) or word).rstrip(_QUOTES.replace("_", "") + ".;:!?)]")
    return found if is_job_id(found) else None


def _id_of_page(address: str) -> str | None:
    """Return what may be the id of the job whose page an address without its scheme is, None for any other."""
    folded = address.casefold()
    for page, before in _PAGE_PREFIXES.items():
        if folded.startswith(page.casefold()):
            return before + re.split(r"[?&#/]", address[len(page) :], maxsplit=1)[0]
    return None


def find_job_ids(text: str) -> list[str]:
    """Return every job id that stands somewhere in a text, once each, in order."""
    return list(dict.fromkeys(found[0] for found in _EMBEDDED_ID.finditer(text)))


def other_id_kind(text: str) -> str | None:
    """Return what kind of id ``text`` is where it is plainly not a job's ("a model name"), or None."""
    return next((kind for start, kind in OTHER_IDS.items() if text.startswith(start)), None)
