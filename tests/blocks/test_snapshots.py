"""Every message that can be drawn, as a reviewer reads it: ``pytest tests/blocks --snapshot-update`` writes them anew."""

from datetime import date
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.blocks.answers import help_text, note, problem, usage
from bot.blocks.channel_settings import channel_settings, in_words
from bot.blocks.digest import Told, after_mute
from bot.blocks.lists import job_list, tracked_list
from bot.blocks.models import Made, model_list
from bot.blocks.mute import muted, unmuted
from bot.blocks.outbox import Undeliverable, outbox
from bot.blocks.subscriptions import subscription_list
from bot.commands.error_messages import STRANGE, refusal, stale, unposted, upstream
from bot.commands.permissions import Policy, Why
from bot.commands.usage import USAGE
from bot.errors import (
    AccessRefused,
    BrokenAnswer,
    NotFound,
    ProviderError,
    RateLimited,
    RequestRefused,
    Unreachable,
)
from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.filters import EVERYTHING, Filter
from bot.store.actions.confirmations import Asked, Question
from tests.blocks.as_read import as_read
from tests.blocks.drawn import (
    FAILED,
    FULL,
    NOW,
    SUCCEEDED,
    as_message,
    change_to,
    homes,
    job,
    notices,
    pictures,
    undeliverable,
)

COMMON = ["card", "card in two lines", "status", "alert"]
PLACE = "project `proj_1`"
OFFICE = Policy(operators=frozenset({"U0OLIVIA", "S0MLOPS"}))
ERRORS: dict[str, ProviderError] = {
    "no such job": NotFound("HTTP 404"),
    "key revoked": AccessRefused("Incorrect API key provided: sk-...."),
    "scope missing": AccessRefused("Missing scopes: x.", missing_scope="api.fine_tuning.jobs.write"),
    "refused": RequestRefused("The job cannot be changed in its present state."),
    "rate limited": RateLimited("Slow down.", retry_after=20),
    "broken answer": BrokenAnswer("The answer was not a JSON object."),
    "unreachable": Unreachable("No answer within 10 s.", maybe_done=False),
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
                *("card at 0 %", "card at 40 %", "card at 100 %", "card of a job that is gone"),
                *("alert of a new job", "cancel_question", "alert of a job that is gone"),
                *("events", "no events", "checkpoints", "no checkpoints"),
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
def test_pictures_of_a_job(fields: dict[str, Any], names: list[str], snapshot: SnapshotAssertion) -> None:
    drawn = pictures(job(**fields), reason="The log said so.")

    for name in names:
        assert as_read(drawn[name]) == snapshot(name=name)


def test_standstills(snapshot: SnapshotAssertion) -> None:
    for fields in ({"status": "validating_files"}, {"status": "queued"}, {}):
        drawn = pictures(job(**fields))
        for name in ("alert of a stuck job", "alert of a job that moves again", "card of a stuck job"):
            assert as_read(drawn[name]) == snapshot(name=f"{fields.get('status', 'running')}: {name}")


def test_costs(snapshot: SnapshotAssertion) -> None:
    drawn = pictures(job(**SUCCEEDED))
    for name in ("alert with costs", "card with costs"):
        assert as_read(drawn[name]) == snapshot(name=name)


def test_home(snapshot: SnapshotAssertion) -> None:
    for name, view in homes(job()).items():
        assert as_read(as_message(view)) == snapshot(name=name)


def test_notices(snapshot: SnapshotAssertion) -> None:
    for name, message in notices().items():
        assert as_read(message) == snapshot(name=name)


def test_models(snapshot: SnapshotAssertion) -> None:
    today, ends = date(2026, 11, 26), [date(2026, 11, 20), date(2026, 11, 26), date(2026, 11, 27), date(2027, 1, 14)]
    rows = [
        Made(f"ft:gpt-4o-mini-2024-07-18:acme::{nth}", day) for nth, day in enumerate([*ends, date(2027, 5, 1), None])
    ]

    assert as_read(model_list(rows, checkpoints=7, today=today, place=PLACE)) == snapshot(name="models")
    assert as_read(model_list(rows[:1] * 30, checkpoints=0, today=today, place=PLACE)) == snapshot(name="many")
    assert as_read(model_list([], checkpoints=0, today=today, place=PLACE)) == snapshot(name="none")


def test_lists(snapshot: SnapshotAssertion) -> None:
    jobs = [job(), job(id="ftjob-def456", **SUCCEEDED)]

    assert as_read(
        job_list(jobs, title="The newest jobs", empty="None.", older="list all 10 after:ftjob-abc123")
    ) == snapshot(name="jobs")
    assert as_read(job_list([], title="", empty="No failed jobs in project `proj_1`.")) == snapshot(name="no jobs")
    rows = [("ftjob-abc123", "running"), ("ftjob-def456", "queued")]
    assert as_read(tracked_list(rows, subscribed=True)) == snapshot(name="tracked")
    assert as_read(tracked_list([], subscribed=False)) == snapshot(name="nothing tracked")


def test_subscriptions(snapshot: SnapshotAssertion) -> None:
    wanted = Filter(("cancelled", "failed"), "gpt-4o*", (("note", "<!channel> `co`"), ("team", "search")), "U0OLIVIA")

    assert as_read(
        subscription_list([(7, EVERYTHING, "U0MILO", None), (9, wanted, "U0OLIVIA", "research")])
    ) == snapshot(name="two")
    assert as_read(subscription_list([(7, Filter(("failed",)), "U0MILO", None)])) == snapshot(name="one")
    assert as_read(subscription_list([])) == snapshot(name="none")


def test_mutes(snapshot: SnapshotAssertion) -> None:
    first, second = job(status="running"), job(id="ftjob-def456", **SUCCEEDED)
    told = [
        Told(Change(ChangeKind.STATUS, State("queued"), State("running")), first),
        Told(Change(ChangeKind.NEW, State("queued"), State("queued")), second),
        Told(change_to(job(**FAILED)), job(**FAILED), account="research"),
        Told(change_to(second, before=State("queued")), second),
    ]

    assert as_read(muted("U0OLIVIA", "ftjob-abc123", seconds=7200.0, until=NOW)) == snapshot(name="a job")
    assert as_read(muted("U0OLIVIA", None, seconds=1800.0, until=NOW)) == snapshot(name="everything")
    for changes in (0, 1, 7):
        assert as_read(note(unmuted("U0OLIVIA", None, changes=changes))) == snapshot(name=f"unmuted after {changes}")
    assert as_read(after_mute(told, notes=[])) == snapshot(name="summed up")
    assert as_read(after_mute(told[:1], notes=[])) == snapshot(name="one change summed up")


def test_settings_of_a_channel(snapshot: SnapshotAssertion) -> None:
    calm = in_words(broadcast=False, compact=True, failures_only=True)
    mutes = [(None, NOW), *((f"ftjob-{n}", NOW) for n in range(6))]

    assert as_read(channel_settings(in_words(broadcast=True, compact=False, failures_only=False), [])) == snapshot(
        name="as it is at first"
    )
    assert as_read(channel_settings(calm, mutes)) == snapshot(name="calm")


def test_what_could_not_be_delivered(snapshot: SnapshotAssertion) -> None:
    rows = undeliverable(job(status="succeeded"))
    one = [Undeliverable(7, "a notice", "U0OLIVIA", NOW, "invalid_blocks")]

    assert as_read(outbox(rows, total=4, waiting=1, waits_for=90.0)) == snapshot(name="several")
    assert as_read(outbox(rows, total=54, waiting=0, waits_for=None, done="Done.")) == snapshot(name="the oldest")
    assert as_read(outbox(one, total=1, waiting=12, waits_for=7500.0)) == snapshot(name="one")
    assert as_read(outbox([], total=0, waiting=2, waits_for=4.2)) == snapshot(name="nothing")
    assert as_read(outbox([], total=0, waiting=0, waits_for=None, done="Done.")) == snapshot(name="nothing any more")


def test_help(snapshot: SnapshotAssertion) -> None:
    assert as_read(help_text([(each.form, each.does) for each in USAGE.values()])) == snapshot(name="help")
    for verb, each in USAGE.items():
        assert as_read(usage(each.form, each.does, each.example)) == snapshot(name=f"help {verb}")


def test_refusals(snapshot: SnapshotAssertion) -> None:
    for why in Why:
        assert as_read(note(refusal(why, OFFICE))) == snapshot(name=why)


ASKED = Asked(
    "key",
    Question("cancel", "default", "ftjob-abc123", "U0OLIVIA", "C0ML"),
    expired=True,
    answered_at=None,
    ended=False,
    said=None,
)


def test_problems(snapshot: SnapshotAssertion) -> None:
    for name, error in ERRORS.items():
        text = upstream(error, place=PLACE, job_id="ftjob-abc123")
        assert as_read(problem(text, ref="7f3a")) == snapshot(name=name)
    assert as_read(problem(STRANGE, ref="7f3a")) == snapshot(name="strange")
    assert as_read(note(stale(ASKED))) == snapshot(name="stale")
    for word in ("not_in_channel", "is_archived", "ratelimited", None):
        assert as_read(problem(unposted(word))) == snapshot(name=f"unposted {word}")
