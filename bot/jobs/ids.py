"""Job ids, as people write them."""

import re

_JOB_ID = re.compile(r"ft(job)?[-_][A-Za-z0-9_-]{1,64}", re.ASCII)

_SOMEWHERE = re.compile(rf"(?<![A-Za-z0-9_:-]){_JOB_ID.pattern}(?![A-Za-z0-9_-])", re.ASCII)

JOB_PAGES = ("https://platform.openai.com/finetune/", "https://platform.openai.com/finetune?jobId=")
"""How the addresses of job pages begin; a pasted one stands for its job."""

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


def job_id_in(text: str) -> str | None:
    """Return the job id that a word of chat stands for, or None.

    Accepts the bare id, one in quotes or backticks, and a link to the job's page, also as Slack sends links
    (``<https://...|label>``). A link's label is never trusted, nor any other host.
    """
    if is_job_id(text):
        return text  # whole, also where it ends in what is stripped below
    word = text.strip("`'\"\u2018\u2019\u201c\u201d*_,")
    if word.startswith("<") and word.endswith(">"):
        word = word[1:-1].split("|", 1)[0]
    for page in JOB_PAGES:
        if word.startswith(page):
            word = re.split(r"[?&#/]", word.removeprefix(page).rstrip("/"), maxsplit=1)[0]
            break
    return word if is_job_id(word) else None


def job_ids_in(text: str) -> list[str]:
    """Return every job id that stands somewhere in a text, once each, in order."""
    return list(dict.fromkeys(found[0] for found in _SOMEWHERE.finditer(text)))


def other_kind_of_id(text: str) -> str | None:
    """Return what kind of id ``text`` is where it is plainly not a job's ("a model name"), or None."""
    return next((kind for start, kind in OTHER_IDS.items() if text.startswith(start)), None)
