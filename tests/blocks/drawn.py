"""Jobs to draw, everything that can be drawn of one, and what is asked of every message."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.alerts.draw import MAY_BE_REPEAT
from bot.blocks import Message, curves
from bot.blocks.alert import alert
from bot.blocks.answers import cancel_question
from bot.blocks.card import Present, card
from bot.blocks.digest import digest
from bot.blocks.job import Surroundings, status
from bot.blocks.lists import job_list, tracked_list
from bot.blocks.outbox import Undeliverable, of_card, of_change, of_digest, of_model, outbox
from bot.charts import Chart, in_words
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from bot.jobs.results import Curve
from bot.providers.openai import job_page
from bot.sandbox.blockkit import check_message
from bot.sandbox.messages import readable
from bot.store.digests import MOST_CHANGES

EXAMPLES = Path(__file__).parents[1] / "payloads" / "openai" / "examples"
NOW = 1_790_010_000.0
PERSON = "U0OLIVIA"
CHANNEL = "C0ML"
KEY = "Jm4Qk0s2yqv1T8n3bX5cW7dE"
BEFORE = State("running")

_MOMENT = r"<!date\^\d+\^(?:\{date_short_pretty\} at \{time\}|\{ago\})\|\d{4}-\d\d-\d\d \d\d:\d\d UTC>"
_WELCOME = re.compile(
    rf"{_MOMENT}|<@{PERSON}>|<#{CHANNEL}>|<https://platform\.openai\.com/finetune/[A-Za-z0-9_.~%-]+\|Open page>"
)
_ENTITY = re.compile(r"&(?:amp|lt|gt);")


def job(**fields: Any) -> Job:
    """Return a job as the API might describe it: a running one, unless told otherwise."""
    described = {
        "object": "fine_tuning.job",
        "id": "ftjob-abc123",
        "model": "gpt-4o-mini-2024-07-18",
        "created_at": 1_790_000_000,
        "status": "running",
        "training_file": "file-abc123",
        **fields,
    }
    return Job.model_validate(described)


SUCCEEDED = {
    "status": "succeeded",
    "fine_tuned_model": "ft:gpt-4o-mini-2024-07-18:acme:search:7q8mpxmy",
    "finished_at": 1_790_008_040,
    "trained_tokens": 5_768_000,
}
FAILED = {
    "status": "failed",
    "finished_at": 1_790_000_007,
    "error": {
        "code": "invalid_training_file",
        "message": "The job failed due to an invalid training file.",
        "param": "training_file",
    },
}
FULL = {
    **SUCCEEDED,
    "organization_id": "org-123",
    "result_files": ["file-result1"],
    "validation_file": "file-val123",
    "hyperparameters": {"n_epochs": 4, "batch_size": "auto"},
    "integrations": [{"type": "wandb", "wandb": {"project": "search"}}],
    "seed": 42,
    "metadata": {"team": "search", "ticket": "ML-7"},
    "method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}},
    "estimated_finish": 1_790_009_000,
    "error": {"code": "odd_code", "message": "Odd, but it happens.", "param": "odd_param"},
}
"""A job that has a value for everything."""


def examples() -> dict[str, Job]:
    """Return every job of the contract's examples, by file and place."""
    found = {}
    for file in sorted(EXAMPLES.glob("*.json")):
        for nth, body in enumerate(_jobs_in(json.loads(file.read_text()))):
            found[f"{file.stem}-{nth}"] = Job.model_validate(body)
    return found


def _jobs_in(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict) and node.get("object") == "fine_tuning.job":
        yield node
    elif isinstance(node, dict):
        yield from _jobs_in(list(node.values()))
    elif isinstance(node, list):
        for item in node:
            yield from _jobs_in(item)


def change_to(drawn: Job, kind: ChangeKind = ChangeKind.STATUS, before: State = BEFORE) -> Change:
    """Return a change whose end is the state of a job."""
    return Change(kind, before, State(drawn.status, drawn.fine_tuned_model))


def unchanged(drawn: Job, kind: ChangeKind) -> Change:
    """Return a change that is not one of the job's state."""
    return change_to(drawn, kind, State(drawn.status, drawn.fine_tuned_model))


def pictures(drawn: Job, *, reason: str | None = None, rows: int = 1) -> dict[str, Message]:
    """Return every message that can be drawn of a job."""
    page = job_page(drawn.id)
    followed, free = Surroundings(page, tracked=True), Surroundings(page, can_cancel=False)
    now_known = State(drawn.status, None)
    measured = [
        Curve(name, ((1, 2.5), (10**12, 0.123456)))
        for name in ("training loss", "validation loss", "full validation loss")
    ]
    says = in_words(Chart(f"{drawn.id} · {drawn.model}", measured, range(10**11, 10**12, 10**11)))
    return {
        "card": card(drawn, followed, "New job"),
        "card with curves": card(drawn, followed, "New job", Present(NOW, NOW, picture=curves.picture("F1", says))),
        "curves": curves.shown(drawn.id, "F1", says),
        "curves as text": curves.sparklines(drawn.id, measured, "No picture."),
        "status": status(drawn, followed, checked_at=NOW, place="project `proj_1`"),
        "status without buttons to change it": status(drawn, free, checked_at=NOW),
        "cancel_question": cancel_question(drawn, KEY, now=NOW),
        "alert": alert(change_to(drawn), drawn, page=page, person=PERSON, reason=reason),
        "alert, late and doubtful": alert(
            change_to(drawn),
            drawn,
            page=page,
            person=None,
            reason=reason,
            late=True,
            seen_at=NOW,
            notes=[MAY_BE_REPEAT],
        ),
        "alert of a model": alert(change_to(drawn, ChangeKind.MODEL, now_known), drawn, page=page, person=PERSON),
        "alert of a new job": alert(change_to(drawn, ChangeKind.NEW), drawn, page=page, person=None, reason=reason),
        "alert of a job that is gone": alert(unchanged(drawn, ChangeKind.GONE), drawn, page=page, person=PERSON),
        "alert of a job that is back": alert(
            unchanged(drawn, ChangeKind.BACK), drawn, page=page, person=None, reason=reason
        ),
        "alert from its status": alert(
            Change(ChangeKind.STATUS, State(drawn.status, drawn.fine_tuned_model), BEFORE),
            drawn,
            page=page,
            person=None,
        ),
        "digest": digest(
            ([(change_to(drawn, kind), drawn, reason) for kind in ChangeKind] * rows)[:MOST_CHANGES],
            notes=[MAY_BE_REPEAT],
        ),
        "job_list": job_list([drawn] * rows, title="The newest jobs", empty="None.", more=True),
        "tracked_list": tracked_list([(drawn.id, drawn.status)] * rows, subscribed=True),
        "outbox": outbox(undeliverable(drawn, reason) * rows, total=4 * rows, waiting=3, waits_for=90.0, done="Done."),
    }


def undeliverable(drawn: Job, error: str | None = "not_in_channel") -> list[Undeliverable]:
    """Return a message of each kind that can fail for a job, the name of the error as it is."""
    names = [of_change(drawn.id, "running", drawn.status), of_model(drawn.id), of_card(drawn.id), of_digest(25)]
    places = [CHANNEL, PERSON, "D0DIRECT", "<!channel>"]
    return [
        Undeliverable(number, what, place, NOW, error)
        for number, (what, place) in enumerate(zip(names, places, strict=True), start=10**15)
    ]


def faults(message: Message) -> list[str]:
    """Return everything that Slack or the house rules have against a message."""
    payload = {"text": message.text, "blocks": list(message.blocks)}
    verdict = check_message(payload, people={PERSON})
    found = [verdict.error, *verdict.messages, *verdict.complaints]
    if len(message.text) > 3000:
        found.append(f"the top-level text has {len(message.text)} characters")
    return [fault for fault in found if fault]


def marked_up(message: Message) -> list[str]:
    """Return every text that Slack parses, the top-level one first."""
    return [message.text, *_mrkdwn(list(message.blocks))]


def _mrkdwn(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _mrkdwn(item)
    elif isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield node["text"]
        yield from _mrkdwn(list(node.values()))


def alive(text: str) -> list[str]:
    """Return what could come alive in a parsed text and is not ours: brackets, ampersands, loose backticks."""
    rest = _WELCOME.sub(" ", text)
    found = [f"raw {bracket}" for bracket in "<>" if bracket in rest]
    if "&" in _ENTITY.sub("", rest):
        found.append("a raw &")
    found += [f"an open code span: {line}" for line in rest.split("\n") if line.count("`") % 2 or "``" in line]
    return found


def unseen(message: Message) -> list[str]:
    """Return the invisible characters in anything that a message shows or has read aloud."""
    spoken = [
        str(node["accessibility_label"]) for node in _nodes(list(message.blocks)) if "accessibility_label" in node
    ]
    shown = "".join([message.text, *readable(list(message.blocks)), *spoken])
    return [
        f"U+{ord(character):04X}"
        for character in shown
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")
    ]


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _nodes(item)
    elif isinstance(node, dict):
        yield node
        yield from _nodes(list(node.values()))


def shown(message: Message) -> str:
    """Return everything that can be read in a message's blocks."""
    return "\n".join(readable(list(message.blocks)))
