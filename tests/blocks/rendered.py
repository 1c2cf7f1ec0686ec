"""Jobs to draw, everything that can be drawn of one, and what is asked of every message."""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from bot.blocks import Message, curves
from bot.blocks.action_confirmation import action_confirmation
from bot.blocks.action_results import action_checked, action_sent, action_unconfirmed, action_unresolved
from bot.blocks.alert import Posting, alert
from bot.blocks.audit import AuditRow, Repeats, audit_message
from bot.blocks.card import CardState, card
from bot.blocks.changes import change_label
from bot.blocks.channel_settings import channel_settings, channel_settings_message
from bot.blocks.checkpoint_list import checkpoint_list
from bot.blocks.choices import Choice
from bot.blocks.digest import DigestLine, digest_message, mute_digest
from bot.blocks.event_log import event_log
from bot.blocks.home import (
    AccountHealth,
    Following,
    Home,
    HomeMute,
    UndeliveredMessages,
    home_denied,
    home_unavailable,
    home_view,
)
from bot.blocks.home_jobs import HomeJob
from bot.blocks.job import JobLinks
from bot.blocks.job_list import job_list
from bot.blocks.last_known import last_known_jobs, outage_note, unreadable_message
from bot.blocks.models import FineTunedModel
from bot.blocks.mute import mute_message, unmute_text
from bot.blocks.notice import NoticeKind, notice_message
from bot.blocks.outbox import UndeliveredRow, card_label, digest_label, outbox_message
from bot.blocks.parts import Block
from bot.blocks.replies import note_message
from bot.blocks.status import status_message
from bot.blocks.subscriptions import subscribed_message, subscription_list
from bot.blocks.tracked_list import tracked_list
from bot.commands.actions import not_applicable_text
from bot.commands.error_messages import provider_error
from bot.commands.filters import written
from bot.delivery.charts import Chart
from bot.delivery.charts import alt_text as measured_in_words
from bot.delivery.render import POSSIBLE_DUPLICATE
from bot.errors import Unreachable
from bot.jobs.actions import JobAction
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.filters import Filter
from bot.jobs.models import Checkpoint, Event, Job, display_name, job_name
from bot.jobs.progress import Progress
from bot.jobs.results import Curve
from bot.providers.registry import dialect_of
from bot.providers.requests import Requests
from bot.sandbox.slack.block_kit.validation import check_message, check_view
from bot.sandbox.slack.messages import texts_in
from bot.store.outbox.digests import MAX_CHANGES
from tests.builders import account

EXAMPLES = Path(__file__).parents[1] / "payloads" / "openai" / "examples"
NOW = 1_790_010_000.0
PERSON = "U0OLIVIA"
PAGES = Requests(dialect_of(account()), account())
CHANNEL = "C0ML"
KEY = "Jm4Qk0s2yqv1T8n3bX5cW7dE"
BEFORE = State("running")

_MOMENT = r"<!date\^\d+\^(?:\{date_short_pretty\} at \{time\}|\{ago\})\|\d{4}-\d\d-\d\d \d\d:\d\d UTC>"
_WELCOME = re.compile(
    rf"{_MOMENT}|<@{PERSON}>|<#{CHANNEL}>|<https://platform\.openai\.com/finetune/[A-Za-z0-9_.~%-]+\|[^>|]*>"
)
_ISOLATED = re.compile("\u2068([^\u2066-\u2069]*)\u2069")
_ENTITY = re.compile(r"&(?:amp|lt|gt);")


def sample_job(**fields: Any) -> Job:
    """Return a job as the API might describe it: a running one by default."""
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
    "fraction_done": 0.75,
    "cost": 12.0,
    "error": {"code": "odd_code", "message": "Odd, but it happens.", "param": "odd_param"},
    "url": "https://wandb.ai/acme/runs/1",
    "run_number": 2,
    "silent_since": 1_790_007_000,
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


def change_from(drawn: Job, kind: ChangeKind = ChangeKind.STATUS, before: State = BEFORE) -> Change:
    """Return a change whose end is the state of a job."""
    return Change(kind, before, State(drawn.status, drawn.fine_tuned_model))


def unchanged(drawn: Job, kind: ChangeKind) -> Change:
    """Return a change that is not one of the job's state."""
    return change_from(drawn, kind, State(drawn.status, drawn.fine_tuned_model))


def stalled_change(drawn: Job, kind: ChangeKind) -> Change:
    """Return the change of a job that is stalled, or progresses again, after seven hours."""
    return replace(unchanged(drawn, kind), stalled_for=25_200.0)


def home_jobs(drawn: Job, **more: Any) -> list[HomeJob]:
    """Return a job in every section of a Home tab: failed, stalled, running, and finished."""
    links = JobLinks(PAGES.job_page(drawn.id), page_label="Open in OpenAI", account=more.pop("account", None))
    halfway = Progress(150, 300, NOW - 60, 24.0, ((1, 2.48), (150, 1.7)))
    states = {
        drawn.status: CardState(NOW, NOW - 60),
        "failed": CardState(NOW),
        "queued": CardState(NOW, NOW - 25_200, stalled_since=NOW - 25_200),
        "running": CardState(NOW, NOW - 3600, halfway),
        "succeeded": CardState(NOW),
    }
    models = {"succeeded": drawn.fine_tuned_model}
    jobs = [drawn.model_copy(update={"status": each, "fine_tuned_model": models.get(each)}) for each in states]
    return [HomeJob(job, links, state, **more) for job, state in zip(jobs, states.values(), strict=True)]


def home_views(drawn: Job, *, rows: int = 1) -> dict[str, Block]:
    """Return every Home tab that can be drawn with a job in it."""
    well = AccountHealth(NOW, None, "project `proj_1`")
    error = Unreachable("No response within 10 s.", may_have_executed=False)
    problem = f":warning: {provider_error(error, project='account `b`', account='b')}"
    ill = AccountHealth(NOW - 7200, problem, "account `b`")
    errors = ("not_in_channel", "no_permission", "odd", "is_archived")
    muted = [HomeMute(CHANNEL, None, NOW), *[HomeMute(CHANNEL, drawn.id, NOW, job_name(drawn))] * rows]
    full = Home(
        jobs=home_jobs(drawn) * rows,
        undelivered=[UndeliveredMessages(CHANNEL, error, 2) for error in errors[: rows + 1]],
        models=[FineTunedModel(drawn.fine_tuned_model or "ft:gpt-4o:acme::x", date(2026, 10, 1))] * rows,
        following=Following([(display_name(drawn), CHANNEL)] * rows, rows, [CHANNEL] * rows, muted),
        health=[well],
        version="1.0",
        now=NOW,
    )
    bare = Home([], [], [], Following(), [replace(well, polled_at=None)], "1.0", NOW)
    return {
        "home": home_view(full),
        "home with results of one's own": home_view(replace(full, jobs=home_jobs(drawn, is_own=True))),
        "home where the API does not answer": home_view(
            replace(full, jobs=home_jobs(drawn, as_of=NOW - 7200), models=[], health=[ill])
        ),
        "home at first": home_view(bare),
        "home of a guest": home_view(replace(bare, following=Following(may_track=False))),
        "home of several accounts": home_view(
            replace(full, jobs=home_jobs(drawn, account="a" * 32) * rows, health=[well, ill] * rows)
        ),
        "home where nothing is known": home_view(replace(bare, health=[ill])),
        "home of a stranger": home_denied("I answer only members of this workspace.", is_temporary=False),
        "home without a store": home_unavailable(),
    }


def messages_about(drawn: Job, *, reason: str | None = None, rows: int = 1) -> dict[str, Message]:
    """Return every message that can be drawn of a job."""
    page = PAGES.job_page(drawn.id)
    followed = JobLinks(page, tracked=True, page_label="Open in OpenAI")
    free = replace(followed, tracked=False, actions=frozenset())
    now_known = State(drawn.status, None)
    measured = [
        Curve(name, ((1, 2.5), (10**12, 0.123456)))
        for name in ("training loss", "validation loss", "full validation loss")
    ]
    says = measured_in_words(Chart(f"{drawn.id} · {drawn.model}", measured, range(10**11, 10**12, 10**11)))
    elsewhere = replace(followed, account="a" * 32, model_hint="*Deploy* it.")
    return {
        "card": card(drawn, followed),
        "card of one account of several": card(drawn, elsewhere),
        "alert of one account of several": alert(change_from(drawn), drawn, elsewhere, person=PERSON),
        "status of one account of several": status_message(
            drawn, elsewhere, CardState(NOW), account_note="account `research`"
        ),
        "card of an account that is not watched any more": card(
            drawn, JobLinks(None, actions=frozenset()), notes=["Note"]
        ),
        "full card": card(drawn, followed, full=True),
        "full card, doubtful": card(drawn, followed, notes=[POSSIBLE_DUPLICATE], full=True),
        "curves": curves.curves_message(drawn.id, "F1", says),
        "curves as text": curves.sparkline_message(drawn.id, measured, "No picture."),
        "status": status_message(drawn, followed, CardState(NOW), account_note="project `proj_1`"),
        "status without buttons to change it": status_message(drawn, free, CardState(NOW)),
        "cancel_question": action_confirmation(JobAction.CANCEL, drawn, followed, CardState(NOW), key=KEY),
        "question in one account of several": action_confirmation(
            JobAction.CANCEL, drawn, elsewhere, CardState(NOW, NOW - 2460, Progress(120, 300, NOW, 36.0, ())), key=KEY
        ),
        "alert": alert(change_from(drawn), drawn, followed, person=PERSON, reason=reason),
        "alert, late and doubtful": alert(
            change_from(drawn),
            drawn,
            followed,
            person=None,
            reason=reason,
            posting=Posting(late=True, notes=[POSSIBLE_DUPLICATE]),
        ),
        "step": alert(
            change_from(drawn, before=State("queued")), drawn, followed, person=None, posting=Posting(in_thread=True)
        ),
        "result with losses": alert(
            change_from(drawn), drawn, followed, person=PERSON, reason=reason, losses=[(1, 2.48), (300, 0.55)]
        ),
        "alert of a model": alert(change_from(drawn, ChangeKind.MODEL, now_known), drawn, followed, person=PERSON),
        "alert of a new job": alert(change_from(drawn, ChangeKind.NEW), drawn, followed, person=None, reason=reason),
        "alert of a job that is gone": alert(unchanged(drawn, ChangeKind.MISSING), drawn, followed, person=PERSON),
        "alert of a job that is back": alert(
            unchanged(drawn, ChangeKind.REAPPEARED), drawn, followed, person=None, reason=reason
        ),
        "alert from its status": alert(
            Change(ChangeKind.STATUS, State(drawn.status, drawn.fine_tuned_model), BEFORE),
            drawn,
            followed,
            person=None,
        ),
        "alert of a stuck job": alert(stalled_change(drawn, ChangeKind.STALLED), drawn, followed, person=PERSON),
        "alert of a job that moves again": alert(
            stalled_change(drawn, ChangeKind.PROGRESSING), drawn, followed, person=None
        ),
        "alert with costs": alert(
            change_from(drawn), drawn, replace(followed, price=3.0), person=PERSON, reason=reason
        ),
        **all_cards(drawn),
        "events": event_log(
            drawn.id, [event(drawn.id), step_event()] * 10, older=f"events {drawn.id} 20 after:ftevent-1"
        ),
        "no events": event_log(drawn.id, [], older=None),
        "no events of a finished job": event_log(drawn.id, [], older=None, is_final=True),
        "no older events": event_log(drawn.id, [], older=None, is_first=False),
        "checkpoints": checkpoint_list(drawn.id, [CHECKPOINT] * 10, older=f"checkpoints {drawn.id} after:ftckpt_1"),
        "no checkpoints": checkpoint_list(drawn.id, [], older=None),
        "no checkpoints of a finished job": checkpoint_list(drawn.id, [], older=None, is_final=True),
        "no older checkpoints": checkpoint_list(drawn.id, [], older=None, is_first=False),
        "digest": digest_message(
            ([DigestLine(change_from(drawn, kind), drawn, reason, "a" * 32) for kind in ChangeKind] * rows)[
                :MAX_CHANGES
            ],
            notes=[POSSIBLE_DUPLICATE],
        ),
        "job_list": job_list(
            [drawn] * rows, title="The newest jobs", empty="None.", older="list all 10 after:ftjob-abc123"
        ),
        "job_list of several accounts": job_list(
            [drawn] * rows,
            title="The newest jobs",
            empty="None.",
            accounts=["a" * 32] * rows,
            notes=["Account `b`: no."],
        ),
        "digest after a mute": mute_digest(
            [
                DigestLine(change_from(each, kind), each, reason, "a" * 32)
                for each in _namesakes(drawn, rows)
                for kind in ChangeKind
            ],
            notes=[POSSIBLE_DUPLICATE],
        ),
        "mute": mute_message(PERSON, drawn.id, job_name(drawn), seconds=7200.0, until=NOW),
        "unmute": note_message(unmute_text(PERSON, drawn.id, job_name(drawn), changes=7)),
        "results of actions": note_message(" ".join(action_results(drawn))),
        "audit": audit_message(audit_rows(drawn, reason) * min(rows, 7), left_out=3, older="audit 25 after:7"),
        "subscribed": subscribed_message(
            PERSON, filter_for(drawn), of=" in `a`", open_jobs=rows, show=f"list {written(filter_for(drawn))}"
        ),
        "subscriptions": subscription_list(
            [(n, filter_for(drawn), PERSON, "a" * 32) for n in range(1, min(rows, 20) + 1)]
        ),
        "settings": channel_settings_message(
            channel_settings(broadcast=True, full_cards=True, failures_only=True),
            [(None, None, NOW), *[(drawn.id, job_name(drawn), NOW)] * rows],
        ),
        "tracked_list": tracked_list([Choice(drawn.id, job_name(drawn), drawn.status)] * rows, subscribed=True),
        "accounts that cannot be read": unreadable_message(
            [
                f":warning: Account `b`: We are down. {last_known_jobs([drawn] * rows, NOW)}",
                outage_note("We are down.", since=NOW, at=None, account=None),
            ]
        ),
        "outbox": outbox_message(
            dead_letters(drawn, reason) * rows, total=4 * rows, waiting=3, waits_for=90.0, done="Done."
        ),
    }


def action_results(drawn: Job) -> list[str]:
    """Return what is said of each action on a job, as far as it names the job."""
    texts = [
        text(action, drawn)
        for action in JobAction
        for text in (action_sent, action_checked, action_unconfirmed, action_unresolved)
    ]
    return [*texts, *(not_applicable_text(action, drawn) for action in JobAction if action is not JobAction.CREATE)]


def audit_rows(drawn: Job, reason: str | None = None) -> list[AuditRow]:
    """Return rows of the audit about a job, the longest, and about several."""
    named = (drawn.id, job_name(drawn))
    rows = [
        AuditRow(NOW, PERSON, CHANNEL, "cancel", "ordered", [named], statuses=("running", None)),
        AuditRow(NOW, PERSON, CHANNEL, "cancel", "done", [named], reason, ("running", drawn.status)),
        AuditRow(NOW, PERSON, CHANNEL, "track", "denied", [("ftjob-def456", None), named], reason),
    ]
    return [*rows, replace(rows[0], decision="denied", statuses=(None, None), repeats=Repeats(10**6, NOW))]


def all_notices(
    about: str | None = None, said: str = "Incorrect API key provided.", name: str | None = None
) -> dict[str, Message]:
    """Return everything that the bot says beside alerts, of an account, a channel or a job."""
    facts = {
        "name": name,
        "names": {about or "ftjob-abc123": name} if name else {},
        "since": NOW - 600,
        "until": NOW,
        "error": said,
        "late": 3,
        "waiting": 12,
        "verb": "cancel",
        "person": PERSON,
        "ends": "2027-01-14",
        "days": 30,
        "jobs": [[about or "ftjob-abc123", f"ft:gpt-4o:acme::{said}"]] * 20,
    }
    end = {"how": "carried out", "said": "The job ended as cancelled."}
    of_kind: dict[NoticeKind, dict[str, Any]] = {
        NoticeKind.JOB_UNREADABLE: {"account": about or "default"},
        NoticeKind.FLAPPING: {"account": None},
        NoticeKind.JOB_LARGE: {"job": about or "ftjob-abc123", "account": "default", "size": 3e7, "is_read": 1.0},
    }
    usual = {
        NoticeKind.CHANNEL_CLOSED: CHANNEL,
        NoticeKind.DEPRECATION: "gpt-4o",
        NoticeKind.TRAINING_ENDS: "gpt-4o",
        NoticeKind.JOB_UNREADABLE: "ftjob-abc123",
        NoticeKind.FLAPPING: "ftjob-abc123",
        NoticeKind.ACTION_SUBMITTED: "ftjob-abc123",
        NoticeKind.ACTION_COMPLETED: "ftjob-abc123",
    }
    return {
        kind: notice_message(
            {"kind": kind, "about": about or usual.get(kind, "default"), **facts, **end, **of_kind.get(kind, {})}
        )
        for kind in NoticeKind
    }


def all_cards(drawn: Job) -> dict[str, Message]:
    """Return the card of a job as it lives: at its beginning, half-way, at the end, missing, and with its curves; and its status."""
    around = JobLinks(PAGES.job_page(drawn.id), tracked=True, page_label="Open in OpenAI")

    def at(step: int) -> CardState:
        points = tuple((n, 2.5 - n / 50) for n in range(1, step + 1))
        return CardState(NOW, NOW - 7200, Progress(step, 100, NOW, 36.0, points[:60]))

    curves_image = curves.curves_image("F0CURVES", "training loss 2.5 at step 1 to 0.5 at step 100")
    return {
        "card at 0 %": card(drawn, around, CardState(NOW, NOW - 60)),
        "card at 40 %": card(drawn, around, at(40)),
        "card at 100 %": card(drawn, around, at(100)),
        "status at 40 %": status_message(drawn, around, at(40), account_note="project `proj_1`"),
        "card of a job that is gone": card(drawn, around, CardState(NOW, NOW - 60, is_missing=True)),
        "card of a stuck job": card(drawn, around, CardState(NOW, NOW - 7200, stalled_since=NOW - 7200)),
        "card with costs": card(drawn, replace(around, price=25.0), CardState(NOW, NOW - 60)),
        "card with curves": card(drawn, around, CardState(NOW, NOW - 60, curves_image=curves_image)),
    }


def event(message: str, level: str = "warn") -> Event:
    """Return a line of a log."""
    return Event(id="ftevent-1", created_at=NOW, level=level, message=f"{message} is waiting", type="message")


def step_event() -> Event:
    """Return a line of a log that measures a step."""
    data = {"step": 30, "total_steps": 100, "train_loss": 0.42}
    return Event(id="ftevent-2", created_at=NOW, message="Step 30/100: training loss=0.42", type="metrics", data=data)


CHECKPOINT = Checkpoint(
    id="ftckpt_1",
    created_at=NOW,
    fine_tuned_model_checkpoint="ft:gpt-4o-mini-2024-07-18:acme:search:7q8mpxmy:ckpt-step-1000",
    step_number=1000,
    metrics={"step": 1000, "train_loss": 0.42, "full_valid_mean_token_accuracy": 0.87},
)


def _namesakes(drawn: Job, count: int) -> list[Job]:
    """Return as many jobs as one digest tells at the most, like this one, with ids of their own."""
    number = min(count, MAX_CHANGES)
    return [drawn, *(drawn.model_copy(update={"id": f"{n}{drawn.id}"[:200]}) for n in range(1, number))]


def filter_for(drawn: Job) -> Filter:
    """Return a filter that asks for everything that a job has."""
    pairs = [(key, str(value)) for key, value in (drawn.metadata or {}).items()]
    return Filter((drawn.status, "failed"), drawn.model, tuple(pairs), PERSON)


def dead_letters(drawn: Job, error: str | None = "not_in_channel") -> list[UndeliveredRow]:
    """Return a message of each kind that can fail for a job, the name of the error as it is."""
    names = [
        change_label(change_from(drawn), drawn.id, job_name(drawn)),
        change_label(change_from(drawn, ChangeKind.MODEL), drawn.id, job_name(drawn)),
        card_label(drawn.id, job_name(drawn)),
        digest_label(25),
    ]
    places = [CHANNEL, PERSON, "D0DIRECT", "<!channel>"]
    return [
        UndeliveredRow(number, what, place, NOW, error)
        for number, (what, place) in enumerate(zip(names, places, strict=True), start=10**15)
    ]


def message_faults(message: Message) -> list[str]:
    """Return everything that Slack or the house rules have against a message."""
    payload = {"text": message.text, "blocks": list(message.blocks)}
    report = check_message(payload, user_ids={PERSON})
    found = [report.error, *report.messages, *report.violations]
    if len(message.text) > 3000:
        found.append(f"the top-level text has {len(message.text)} characters")
    return [fault for fault in found if fault]


def view_faults(view: Block) -> list[str]:
    """Return everything that Slack or the house rules have against a Home tab."""
    report = check_view(view, user_ids={PERSON})
    return [fault for fault in (report.error, *report.messages, *report.violations) if fault]


def as_message(view: Block) -> Message:
    """Return a Home tab as if it were a message, for what is asked of both."""
    return Message("Home", view["blocks"])


def markup_texts(message: Message) -> list[str]:
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


def active_markup(text: str) -> list[str]:
    """Return what could come alive in a parsed text and is not ours: brackets, ampersands, loose backticks."""
    rest = _WELCOME.sub(" ", text)
    found = [f"raw {bracket}" for bracket in "<>" if bracket in rest]
    if "&" in _ENTITY.sub("", rest):
        found.append("a raw &")
    found += [f"an open code span: {line}" for line in rest.split("\n") if line.count("`") % 2 or "``" in line]
    return found


def invisible_characters(message: Message) -> list[str]:
    """Return the invisible characters in anything that a message shows or has read aloud, without pairs of isolates."""
    spoken = [
        str(node["accessibility_label"]) for node in _nodes(list(message.blocks)) if "accessibility_label" in node
    ]
    shown = _ISOLATED.sub(r"\1", "".join([message.text, *texts_in(list(message.blocks)), *spoken]))
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


def visible_text(message: Message) -> str:
    """Return everything that can be read in a message's blocks."""
    return "\n".join(texts_in(list(message.blocks)))
