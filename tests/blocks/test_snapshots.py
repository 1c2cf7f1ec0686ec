"""Every message that can be rendered, as a reviewer reads it: ``pytest tests/blocks --snapshot-update`` writes them again."""

from datetime import date
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.blocks.audit import audit_message
from bot.blocks.channel_settings import channel_settings, channel_settings_message
from bot.blocks.choices import Choice
from bot.blocks.digest import DigestLine, mute_digest
from bot.blocks.help import help_message, usage_message
from bot.blocks.job_list import job_list
from bot.blocks.models import FineTunedModel, model_list
from bot.blocks.mute import mute_message, unmute_text
from bot.blocks.outbox import UndeliveredRow, outbox_message
from bot.blocks.replies import note_message, problem_message
from bot.blocks.subscriptions import subscribed_message, subscription_list
from bot.blocks.tracked_list import tracked_list
from bot.commands.error_messages import UNEXPECTED_ERROR, denial, expired, post_failed, provider_error
from bot.commands.permissions import DenialReason, Policy
from bot.commands.registry import USAGES
from bot.errors import (
    AccessDenied,
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    RequestRejected,
    Unreachable,
)
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.filters import MATCH_ALL, Filter
from bot.jobs.models import display_name
from bot.store.actions.confirmations import Confirmation, PendingAction
from tests.blocks.plain_text import message_text
from tests.blocks.rendered import (
    FAILED,
    FULL,
    NOW,
    PERSON,
    SUCCEEDED,
    action_results,
    all_notices,
    as_message,
    audit_rows,
    change_from,
    dead_letters,
    home_views,
    messages_about,
    sample_job,
)

COMMON = ["card", "full card", "status", "alert"]
PLACE = "project `proj_1`"
POLICY = Policy(operators=frozenset({"U0OLIVIA", "S0MLOPS"}))
ERRORS: dict[str, ProviderError] = {
    "no such job": NotFound("HTTP 404"),
    "key revoked": AccessDenied("Incorrect API key provided: sk-...."),
    "scope missing": AccessDenied("Missing scopes: x.", missing_scope="api.fine_tuning.jobs.write"),
    "refused": RequestRejected("The job cannot be changed in its present state."),
    "rate limited": RateLimited("Slow down.", retry_after=20),
    "broken answer": InvalidResponse("The response wasn't a JSON object."),
    "unreachable": Unreachable("No response within 10 s.", may_have_executed=False),
    "anything else": ProviderError("Odd."),
}


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"status": "validating_files", "model": None}, COMMON),
        (
            {"metadata": {"team": "search", "note": "<!channel> & `co`"}},
            [
                *COMMON,
                *("card at 0 %", "card at 40 %", "card at 100 %", "card of a job that is gone", "status at 40 %"),
                *("alert of a new job", "cancel_question", "alert of a job that is gone"),
                *("events", "no events", "no events of a finished job", "no older events"),
                *("checkpoints", "no checkpoints", "no checkpoints of a finished job", "no older checkpoints"),
            ],
        ),
        (FULL, ["status"]),
        (
            SUCCEEDED,
            [
                *COMMON,
                *("card with curves", "curves", "curves as text"),
                "alert, late and doubtful",
                "alert of a model",
                "alert of a job that is back",
            ],
        ),
        (FAILED, COMMON),
        ({"status": "failed", "finished_at": 1_790_000_100}, ["alert"]),
        ({"status": "cancelled", "finished_at": 1_790_000_100}, [*COMMON, "alert of a model"]),
        ({"status": "queued"}, ["card at 0 %"]),
        ({"status": "paused"}, ["card at 40 %"]),
        ({"status": "pausing"}, ["card at 40 %"]),
        ({"status": "word_of_tomorrow"}, [*COMMON, "card at 40 %", "status without buttons to change it"]),
    ],
    ids=[
        "waiting",
        "running",
        "full",
        "succeeded",
        "failed",
        "failed by its log",
        "cancelled",
        "queued",
        "paused",
        "pausing",
        "unknown",
    ],
)
def test_messages_of_a_job(fields: dict[str, Any], names: list[str], snapshot: SnapshotAssertion) -> None:
    drawn = messages_about(sample_job(**fields), reason="The log said so.")

    for name in names:
        assert message_text(drawn[name]) == snapshot(name=name)


def test_stalled_jobs(snapshot: SnapshotAssertion) -> None:
    for fields in ({"status": "validating_files"}, {"status": "queued"}, {}):
        drawn = messages_about(sample_job(**fields))
        for name in ("alert of a stuck job", "alert of a job that moves again", "card of a stuck job"):
            assert message_text(drawn[name]) == snapshot(name=f"{fields.get('status', 'running')}: {name}")


def test_costs(snapshot: SnapshotAssertion) -> None:
    drawn = messages_about(sample_job(**SUCCEEDED))
    for name in ("alert with costs", "card with costs"):
        assert message_text(drawn[name]) == snapshot(name=name)


def test_home(snapshot: SnapshotAssertion) -> None:
    fields = {**SUCCEEDED, "error": FAILED["error"], "metadata": {"name": "ranker v7", "slack_user": PERSON}}
    for name, view in home_views(sample_job(**{**fields, "status": "paused"})).items():
        assert message_text(as_message(view)) == snapshot(name=name)


def test_notices(snapshot: SnapshotAssertion) -> None:
    for name, message in all_notices(name="ranker v7").items():
        assert message_text(message) == snapshot(name=name)


def test_models(snapshot: SnapshotAssertion) -> None:
    today, ends = date(2026, 11, 26), [date(2026, 11, 20), date(2026, 11, 26), date(2026, 11, 27), date(2027, 1, 14)]
    rows = [
        FineTunedModel(f"ft:gpt-4o-mini-2024-07-18:acme::{nth}", day)
        for nth, day in enumerate([*ends, date(2027, 5, 1), None])
    ]

    assert message_text(model_list(rows, checkpoints=7, today=today, account_label=PLACE)) == snapshot(name="models")
    assert message_text(model_list(rows[:1] * 30, checkpoints=0, today=today, account_label=PLACE)) == snapshot(
        name="many"
    )
    assert message_text(model_list([], checkpoints=0, today=today, account_label=PLACE)) == snapshot(name="none")


def test_lists(snapshot: SnapshotAssertion) -> None:
    jobs = [sample_job(), sample_job(id="ftjob-def456", **SUCCEEDED)]

    assert message_text(
        job_list(jobs, title="The newest jobs", empty="None.", older="list all 10 after:ftjob-abc123")
    ) == snapshot(name="jobs")
    assert message_text(job_list([], title="", empty="No failed jobs in project `proj_1`.")) == snapshot(name="no jobs")
    rows = [Choice("ftjob-abc123", "ranker v7", "running"), Choice("ftjob-def456", None, "queued")]
    assert message_text(tracked_list(rows, subscribed=True)) == snapshot(name="tracked")
    assert message_text(tracked_list([], subscribed=False)) == snapshot(name="nothing tracked")


def test_subscriptions(snapshot: SnapshotAssertion) -> None:
    wanted = Filter(("cancelled", "failed"), "gpt-4o*", (("note", "<!channel> `co`"), ("team", "search")), "U0OLIVIA")

    assert message_text(
        subscription_list([(7, MATCH_ALL, "U0MILO", None), (9, wanted, "U0OLIVIA", "research")])
    ) == snapshot(name="two")
    assert message_text(subscription_list([(7, Filter(("failed",)), "U0MILO", None)])) == snapshot(name="one")
    assert message_text(subscription_list([])) == snapshot(name="none")
    only_failures = subscription_list([(7, MATCH_ALL, "U0MILO", None)], failures_only=True)
    assert message_text(only_failures) == snapshot(name="where only failures are sent")


def test_announcements_of_a_subscription(snapshot: SnapshotAssertion) -> None:
    failed = Filter(("failed",), metadata=(("team", "search"),))

    for open_jobs in (0, 1, 3):
        announced = subscribed_message("U0OLIVIA", failed, of="", open_jobs=open_jobs, show="list active team=search")
        assert message_text(announced) == snapshot(name=f"{open_jobs} open")
    assert message_text(
        subscribed_message("U0OLIVIA", MATCH_ALL, of=" in `research`", open_jobs=3, show="list active account:research")
    ) == snapshot(name="an account")
    for job_filter in (MATCH_ALL, failed):
        announced = subscribed_message("U0OLIVIA", job_filter, of="", open_jobs=0, show="list", failures_only=True)
        assert message_text(announced) == snapshot(name=f"only failures, {len(job_filter.statuses)} statuses")


def test_mutes(snapshot: SnapshotAssertion) -> None:
    first, second = sample_job(status="running"), sample_job(id="ftjob-def456", **SUCCEEDED)
    told = [
        DigestLine(Change(ChangeKind.STATUS, State("queued"), State("running")), first),
        DigestLine(Change(ChangeKind.NEW, State("queued"), State("queued")), second),
        DigestLine(change_from(sample_job(**FAILED)), sample_job(**FAILED), account="research"),
        DigestLine(change_from(second, before=State("queued")), second),
    ]

    assert message_text(mute_message("U0OLIVIA", "ftjob-abc123", None, seconds=7200.0, until=NOW)) == snapshot(
        name="a job"
    )
    assert message_text(mute_message("U0OLIVIA", None, None, seconds=1800.0, until=NOW)) == snapshot(name="everything")
    for changes in (0, 1, 7):
        assert message_text(note_message(unmute_text("U0OLIVIA", None, None, changes=changes))) == snapshot(
            name=f"unmuted after {changes}"
        )
    still_muted = unmute_text("U0OLIVIA", "ftjob-abc123", None, changes=0, is_channel_muted=True)
    assert message_text(note_message(still_muted)) == snapshot(name="unmuted in a muted channel")
    assert message_text(mute_digest(told, notes=[])) == snapshot(name="summed up")
    assert message_text(mute_digest(told[:1], notes=[])) == snapshot(name="one change summed up")


def test_settings_of_a_channel(snapshot: SnapshotAssertion) -> None:
    calm = channel_settings(broadcast=False, full_cards=True, failures_only=True)
    mutes = [(None, None, NOW), *((f"ftjob-{n}", f"ranker v{n}" if n else None, NOW) for n in range(6))]

    assert message_text(
        channel_settings_message(channel_settings(broadcast=True, full_cards=False, failures_only=False), [])
    ) == snapshot(name="as it is at first")
    assert message_text(channel_settings_message(calm, mutes)) == snapshot(name="calm")


def test_what_could_not_be_delivered(snapshot: SnapshotAssertion) -> None:
    named, nameless = sample_job(status="succeeded", metadata={"name": "ranker v7"}), sample_job(status="failed")
    rows = [*dead_letters(named), *dead_letters(nameless)[:1]]
    one = [UndeliveredRow(7, "Notice", "U0OLIVIA", NOW, "invalid_blocks")]

    assert message_text(outbox_message(rows, total=5, waiting=1, waits_for=90.0)) == snapshot(name="several")
    assert message_text(outbox_message(rows, total=54, waiting=0, waits_for=None, done="Done.")) == snapshot(
        name="the oldest"
    )
    assert message_text(outbox_message(one, total=1, waiting=12, waits_for=7500.0)) == snapshot(name="one")
    assert message_text(outbox_message([], total=0, waiting=2, waits_for=4.2)) == snapshot(name="nothing")
    assert message_text(outbox_message([], total=0, waiting=0, waits_for=None, done="Done.")) == snapshot(
        name="nothing any more"
    )


def test_actions(snapshot: SnapshotAssertion) -> None:
    for drawn in (sample_job(metadata={"name": "ranker v7"}), sample_job()):
        results = "\n".join(action_results(drawn))
        assert results == snapshot(name=f"results for {display_name(drawn)}")
        rows = audit_rows(drawn, "No permission.")
        assert message_text(audit_message(rows, left_out=3, older="audit 4 after:7")) == snapshot(
            name=f"audit of {display_name(drawn)}"
        )


def test_help(snapshot: SnapshotAssertion) -> None:
    assert message_text(help_message([(each.syntax, each.description) for each in USAGES.values()])) == snapshot(
        name="help"
    )
    for verb, each in USAGES.items():
        assert message_text(usage_message(each.syntax, each.description, each.example)) == snapshot(name=f"help {verb}")


def test_refusals(snapshot: SnapshotAssertion) -> None:
    for why in DenialReason:
        assert message_text(note_message(denial(why, POLICY))) == snapshot(name=why)


CONFIRMATION = PendingAction(
    "key",
    Confirmation("cancel", "default", "ftjob-abc123", "U0OLIVIA", "C0ML"),
    expired=True,
    confirmed_at=None,
    completed=False,
    result_text=None,
)


def test_problems(snapshot: SnapshotAssertion) -> None:
    for name, error in ERRORS.items():
        text = provider_error(error, project=PLACE, job_id="ftjob-abc123")
        assert message_text(problem_message(text, ref="7f3a")) == snapshot(name=name)
    assert message_text(problem_message(UNEXPECTED_ERROR, ref="7f3a")) == snapshot(name="strange")
    assert message_text(note_message(expired(CONFIRMATION))) == snapshot(name="stale")
    for word in ("not_in_channel", "is_archived", "ratelimited", None):
        assert message_text(problem_message(post_failed(word))) == snapshot(name=f"unposted {word}")
