"""A job leads with its name wherever a message mentions it; a job without a name is called by its whole ID."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bot.blocks import Message
from bot.blocks.action_results import action_checked, action_sent, action_unconfirmed, action_unresolved
from bot.blocks.audit import AuditRow, Repeats, audit_message
from bot.blocks.changes import change_label
from bot.blocks.channel_settings import channel_settings_message
from bot.blocks.home import Following, Home, HomeMute, home_view
from bot.blocks.mute import mute_message, unmute_text
from bot.blocks.notice import NoticeKind, notice_message
from bot.blocks.outbox import MAX_ROWS, UndeliveredRow, card_label, outbox_message
from bot.blocks.parts import job_mention_with_id
from bot.blocks.replies import note_message
from bot.commands.actions import not_applicable_text
from bot.jobs.actions import JobAction
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job, job_name
from bot.sandbox.slack.messages import interactive_elements
from tests.blocks.rendered import (
    CHANNEL,
    NOW,
    PERSON,
    active_markup,
    as_message,
    markup_texts,
    message_faults,
    sample_job,
    visible_text,
)

JOB = "ftjob-0a1b2c3d4e5f6a7b8c9d0e1f"
NAMES = {
    "named": ("ranker v7", "*ranker v7*"),
    "emoji": ("\U0001f680", "*\U0001f680*"),
    "markup": (
        "*bold* `code` _it_ <!channel>",
        "*\u2217bold\u2217 \u02cbcode\u02cb \u02cdit\u02cd &lt;!channel&gt;*",
    ),
    "right to left": ("\u05d3\u05d2\u05dd \u202e7", "*\u2068\u05d3\u05d2\u05dd 7\u2069*"),
    "200 letters": ("n" * 200, f"*{'n' * 59}…*"),
    "no name": (None, f"`{JOB}`"),
    "only invisible": ("\u200b\u202e", f"`{JOB}`"),
}
CHANGE = Change(ChangeKind.STATUS, State("validating_files"), State("succeeded"))


def named(name: str | None) -> Job:
    """Return a job whose metadata gives it a name."""
    return sample_job(id=JOB, metadata={"name": name} if name is not None else None)


NOTICES: dict[NoticeKind, dict[str, Any]] = {
    NoticeKind.JOB_UNREADABLE: {"about": JOB, "account": "research", "since": NOW, "error": "Odd."},
    NoticeKind.JOB_LARGE: {"about": "default", "job": JOB, "size": 3e7, "is_read": 1.0},
    NoticeKind.FLAPPING: {"about": JOB},
    NoticeKind.ACTION_SUBMITTED: {"about": JOB, "verb": "cancel", "person": PERSON},
    NoticeKind.ACTION_COMPLETED: {"about": JOB, "verb": "cancel", "how": "carried out", "said": "It did."},
    NoticeKind.DEPRECATION: {"about": "gpt-4o", "ends": "2027-01-14", "days": 3, "jobs": [[JOB, "ft:m"]]},
}
"""Facts of the notices about jobs, without names: an older version stored none."""


def notice(kind: NoticeKind) -> Callable[[Job], Message]:
    def draw(job: Job) -> Message:
        name = job_name(job)
        return notice_message({"kind": kind, **NOTICES[kind], "name": name, "names": {job.id: name} if name else {}})

    return draw


def home_mutes(job: Job) -> Message:
    mutes = [HomeMute(CHANNEL, job.id, NOW, job_name(job))]
    return as_message(home_view(Home([], [], [], Following(muted=mutes), [], "1.0", NOW)))


def result(text: Callable[[JobAction, Job], str], action: JobAction) -> Callable[[Job], Message]:
    return lambda job: note_message(text(action, job))


MENTIONS: dict[str, Callable[[Job], Message]] = {
    "mute": lambda job: mute_message(PERSON, job.id, job_name(job), seconds=60.0, until=NOW),
    "unmute": lambda job: note_message(unmute_text(PERSON, job.id, job_name(job), changes=2)),
    "settings": lambda job: channel_settings_message([], [(job.id, job_name(job), NOW)]),
    "home": home_mutes,
    "large": notice(NoticeKind.JOB_LARGE),
    "flapping": notice(NoticeKind.FLAPPING),
    "deprecation": notice(NoticeKind.DEPRECATION),
    "action submitted": notice(NoticeKind.ACTION_SUBMITTED),
    "action completed": notice(NoticeKind.ACTION_COMPLETED),
    "sent": result(action_sent, JobAction.PAUSE),
    "created": result(action_sent, JobAction.CREATE),
    "checked": result(action_checked, JobAction.CANCEL),
    "unconfirmed": result(action_unconfirmed, JobAction.RESUME),
    "unresolved": result(action_unresolved, JobAction.CANCEL),
    "not applicable": result(not_applicable_text, JobAction.RESUME),
}


@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("mention", MENTIONS)
def test_a_message_mentions_a_job_by_its_name_alone(mention: str, name: str | None, shown: str) -> None:
    message = MENTIONS[mention](named(name))

    assert shown in visible_text(message)
    assert (JOB in visible_text(message)) == (JOB in shown)
    assert [each for text in markup_texts(message) for each in active_markup(text)] == []
    assert message_faults(message) == []


def test_a_job_that_cannot_be_read_leads_with_its_name_and_has_its_id_in_the_command_to_type() -> None:
    text = visible_text(notice(NoticeKind.JOB_UNREADABLE)(named("ranker v7")))

    assert "read job *ranker v7* in account" in text
    assert text.count(JOB) == text.count(f"`/ftjob untrack {JOB}`") == 1


@pytest.mark.parametrize("kind", NOTICES)
def test_a_notice_that_an_older_version_stored_calls_the_job_by_its_id(kind: NoticeKind) -> None:
    assert f"`{JOB}`" in visible_text(notice_message({"kind": kind, **NOTICES[kind]}))


@pytest.mark.parametrize(("name", "shown"), NAMES.values(), ids=NAMES.keys())
def test_rows_of_operators_have_the_id_after_the_name(name: str | None, shown: str) -> None:
    given = job_name(named(name))
    row = AuditRow(NOW, PERSON, CHANNEL, "cancel", "ordered", [(JOB, given)], statuses=("running", None))
    undelivered = [UndeliveredRow(7, change_label(CHANGE, JOB, given), CHANNEL, NOW, "is_archived")]
    undelivered += [UndeliveredRow(8, card_label(JOB, given), CHANNEL, NOW, "is_archived")]
    wanted = f"{_cut(shown)} `{JOB}`" if given else shown

    assert f" *requested* `cancel` {wanted} · running · in <#{CHANNEL}>" in visible_text(audit_message([row]))
    outbox = visible_text(outbox_message(undelivered, total=2, waiting=0, waits_for=None))
    assert f"{wanted}: validating files → succeeded · <#{CHANNEL}> · since" in outbox
    assert f"Card for {wanted} · <#{CHANNEL}> · since" in outbox
    assert job_mention_with_id(JOB, given) == wanted


def _cut(shown: str) -> str:
    """Return a name in bold as a row with an ID has it."""
    return shown if len(shown) <= len("**") + 40 else f"*{shown[1:40]}…*"


def test_twenty_long_names_leave_room_for_each_fix_and_ref() -> None:
    names = ["n" * 60, "&" * 60, "\u05d3" * 60, "<>" * 30]
    rows = [
        UndeliveredRow(10**6 + n, change_label(CHANGE, JOB, names[n % 4]), "C0123456789", NOW, error)
        for n, error in enumerate(["shared_with_another_company", "cannot_see_whether_shared"] * 10)
    ]
    message = outbox_message(rows[:MAX_ROWS], total=MAX_ROWS, waiting=10**6, waits_for=7500.0, done="Done." * 9)

    assert message_faults(message) == []
    text = visible_text(message)
    assert [row.id for row in rows if f"then retry. (`{row.error}`, ref {row.id})" not in text] == []
    assert text.count(f" `{JOB}`: ") == MAX_ROWS


def test_a_button_that_retries_says_the_name_without_marks() -> None:
    row = UndeliveredRow(7, change_label(CHANGE, "ftjob-a", "r*nker `7`"), CHANNEL, NOW, "is_archived")
    message = outbox_message([row], total=1, waiting=0, waits_for=None)

    (label,) = [element["accessibility_label"] for _, element in interactive_elements(list(message.blocks))]
    assert label == "Retry r\u2217nker \u02cb7\u02cb ftjob-a: validating files → succeeded"


def audited(*jobs: tuple[str, str | None]) -> str:
    return visible_text(audit_message([AuditRow(NOW, PERSON, CHANNEL, "track", "denied", jobs)]))


@pytest.mark.parametrize(
    ("jobs", "shown"),
    [
        ([("ftjob-a", None), ("ftjob-b", None)], "`track` `ftjob-a,ftjob-b` · in"),
        ([("ftjob-a", None), ("ftjob-b", "ranker")], "`track` *ranker* and 1 more `ftjob-a,ftjob-b` · in"),
        ([("ftjob-a", "n" * 60), ("ftjob-b", "x"), ("ftjob-c", "y")], f"*{'n' * 23}…* and 2 more `ftjob-a,ftjob-b,"),
        ([], "`track` · in"),
    ],
)
def test_a_row_about_several_jobs_names_the_first(jobs: Sequence[tuple[str, str | None]], shown: str) -> None:
    assert shown in audited(*jobs)


def test_the_longest_page_of_the_audit_fits_into_a_message() -> None:
    long = AuditRow(
        NOW,
        "U0123456789",
        "C0123456789",
        "checkpoints",
        "tampered",
        [(JOB, "&" * 60)] * 9,
        "r" * 200,
        ("validating_files", "cancelled"),
        Repeats(10**6, NOW),
    )
    message = audit_message([long] * 30, left_out=10**6, older="audit 25 after:7")

    assert [fault for fault in message_faults(message) if "raw" not in fault] == []
    assert visible_text(message).count("*&amp;") == 30


@pytest.mark.parametrize("kind", [NoticeKind.ACTION_SUBMITTED, NoticeKind.ACTION_COMPLETED])
def test_the_id_of_a_request_is_in_no_notice(kind: NoticeKind) -> None:
    facts = {**NOTICES[kind], "about": "request-3f2a", "verb": "create", "how": "not confirmed"}
    shown = visible_text(notice_message({"kind": kind, **facts, "name": None}))

    assert "request-3f2a" not in shown
    assert shown.startswith(
        (":warning: *Job creation not confirmed*\nIt did.", ":heavy_plus_sign: *Job creation requested* · by")
    )


def test_the_id_of_a_request_is_in_no_row_of_the_audit() -> None:
    unsent = AuditRow(NOW, PERSON, CHANNEL, "create", "unsent", [("request-3f2a", None)])
    done = AuditRow(NOW, PERSON, CHANNEL, "create", "done", [(JOB, "ranker")])

    assert f"couldn't send: `create` · in <#{CHANNEL}>" in visible_text(audit_message([unsent]))
    assert f"completed `create` *ranker* `{JOB}` · in <#{CHANNEL}>" in visible_text(audit_message([done]))


def test_a_confirmation_that_no_longer_applied_is_called_outdated() -> None:
    row = AuditRow(NOW, PERSON, CHANNEL, "cancel", "stale", [(JOB, None)])

    assert f"used an outdated confirmation: `cancel` `{JOB}`" in visible_text(audit_message([row]))
