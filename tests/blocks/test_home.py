"""Which jobs, messages and models a Home tab shows, in which section, and how much of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.blocks.card import CardState, card
from bot.blocks.home import (
    NOTHING_TRACKED,
    AccountHealth,
    Following,
    Home,
    HomeMute,
    UndeliveredMessages,
    home_view,
)
from bot.blocks.home_jobs import FAILURE_LASTS, MAX_ROWS, HomeJob
from bot.blocks.job import JobLinks
from bot.blocks.models import FineTunedModel
from bot.blocks.parts import user_mention
from bot.jobs.failure import advice_for
from bot.jobs.progress import Progress
from tests.blocks.plain_text import message_text
from tests.blocks.rendered import CHANNEL, NOW, PERSON, as_message, home_jobs, sample_job, view_faults

LINKS = JobLinks(None)
HEALTHY = AccountHealth(NOW, None, "OpenAI")
EMPTY = Home([], [], [], Following(may_track=False), [HEALTHY], "1.0", NOW)
HOUR, DAY = 3600.0, 86_400.0
HALFWAY = Progress(150, 300, NOW - 60, 24.0)
TITLES = ("Needs attention", "In progress", "Your latest results", "Latest results", "Models retiring soon")


def home_job(
    name: str, status: str, *, is_own: bool = False, stalled_since: float | None = None, **fields: Any
) -> HomeJob:
    """Return a job to choose from: running ones are half done."""
    job = sample_job(id=f"ftjob-{name}", status=status, metadata={"name": name}, **fields)
    progress = HALFWAY if status == "running" else None
    return HomeJob(job, LINKS, CardState(NOW, NOW - HOUR, progress, stalled_since=stalled_since), is_own)


def finished(name: str, status: str = "succeeded", ago: float = HOUR, **more: Any) -> HomeJob:
    """Return a job that finished some seconds ago."""
    return home_job(name, status, finished_at=NOW - ago, **more)


def sections(home: Home) -> dict[str, str]:
    """Return what a tab shows below each title; below "" what is outside of all sections."""
    found, title = {"": ""}, ""
    for line in message_text(as_message(home_view(home))).splitlines()[2:]:
        if line.strip("*") in TITLES:
            title = line.strip("*")
        elif line.startswith("[Refresh"):
            title = ""
        found[title] = found.get(title, "") + line + "\n"
    return found


def names_in(text: str) -> list[str]:
    """Return the names in bold, in the order of the lines."""
    return [part for nth, part in enumerate(text.split("*")) if nth % 2 and part not in TITLES]


def test_an_empty_tab_has_no_sections_and_says_what_will_appear() -> None:
    shown = sections(EMPTY)

    assert list(shown) == [""]
    assert "No jobs yet. To look for new ones, click Refresh." in shown[""]
    assert "OpenAI: API OK · last check" in shown[""]


def test_each_job_is_shown_once_in_its_section() -> None:
    jobs = [
        home_job("half", "running"),
        home_job("next", "queued"),
        home_job("held", "paused"),
        home_job("stuck", "running", stalled_since=NOW - 3 * HOUR),
        finished("broken", "failed"),
        finished("old", "failed", ago=FAILURE_LASTS + 1),
        finished("done"),
        finished("dropped", "cancelled", ago=2 * HOUR),
        home_job("odd", "some_word_of_tomorrow"),
    ]
    shown = sections(replace(EMPTY, jobs=jobs))

    assert names_in(shown["Needs attention"]) == ["broken", "stuck"]
    assert names_in(shown["In progress"]) == ["half", "next", "held", "odd"]
    assert names_in(shown["Latest results"]) == ["done", "dropped", "old"]
    assert names_in(shown[""]) == []


@pytest.mark.parametrize(("ago", "needs_attention"), [(FAILURE_LASTS, True), (FAILURE_LASTS + 1, False)])
def test_a_failure_needs_attention_for_three_days(ago: float, *, needs_attention: bool) -> None:
    shown = sections(replace(EMPTY, jobs=[finished("broken", "failed", ago=ago)]))

    assert FAILURE_LASTS == 3 * DAY
    assert ("Needs attention" in shown, "Latest results" in shown) == (needs_attention, not needs_attention)


def test_a_failure_whose_end_is_unknown_counts_from_its_creation() -> None:
    shown = sections(replace(EMPTY, jobs=[home_job("broken", "failed", created_at=NOW - 4 * DAY)]))

    assert names_in(shown["Latest results"]) == ["broken"]


def test_a_running_job_looks_as_on_its_card() -> None:
    running = home_job("half", "running")
    headline, progress, *_ = card(running.job, LINKS, running.state).blocks[0]["text"]["text"].splitlines()

    assert sections(replace(EMPTY, jobs=[running]))["In progress"].splitlines()[1:3] == [headline, progress]
    assert "50%" in headline
    assert "█░" in progress
    assert "step 150/300 · ETA <!date^" in progress


def test_a_result_has_its_model_in_a_code_span_to_copy() -> None:
    model = "ft:gpt-4o-mini-2024-07-18:acme:ranker:7q8mpxmy"
    shown = sections(replace(EMPTY, jobs=[finished("ranker", fine_tuned_model=model)]))

    assert f"`{model}`" in shown["Latest results"].splitlines()


def test_a_failure_says_why_and_whose_job_it_is() -> None:
    error = {"code": "odd", "message": "Line 42 isn't valid JSON."}
    broken = finished("broken", "failed", error=error)
    owned = replace(broken, job=broken.job.model_copy(update={"metadata": {"name": "broken", "slack_user": PERSON}}))
    shown = sections(replace(EMPTY, jobs=[owned]))["Needs attention"]

    assert str(advice_for(owned.job.error)) in shown
    assert user_mention(PERSON) in shown


def test_ones_own_jobs_come_first() -> None:
    jobs = [
        home_job("theirs", "running"),
        home_job("mine", "queued", is_own=True),
        finished("their failure", "failed", ago=60),
        finished("my failure", "failed", ago=DAY, is_own=True),
    ]
    shown = sections(replace(EMPTY, jobs=jobs))

    assert names_in(shown["In progress"]) == ["mine", "theirs"]
    assert names_in(shown["Needs attention"]) == ["my failure", "their failure"]


def test_results_are_ones_own_or_everyones_where_one_has_none() -> None:
    theirs, mine = finished("theirs", ago=60), finished("mine", is_own=True)

    assert names_in(sections(replace(EMPTY, jobs=[theirs, mine]))["Your latest results"]) == ["mine"]
    shown = sections(replace(EMPTY, jobs=[theirs, home_job("mine", "running", is_own=True)]))
    assert names_in(shown["Latest results"]) == ["theirs"]
    assert "Your latest results" not in shown


def test_an_age_stands_where_an_account_cannot_be_read_unless_the_job_tells_when_it_finished() -> None:
    jobs = [replace(each, as_of=NOW - HOUR) for each in (home_job("half", "running"), finished("done"))]
    shown = sections(replace(EMPTY, jobs=jobs))

    assert ", as of <!date^" in shown["In progress"]
    assert "as of" not in shown["Latest results"]
    assert "{ago}" in shown["Latest results"]


def test_models_are_shown_that_retire_within_thirty_days() -> None:
    today = datetime.fromtimestamp(NOW, UTC).date()
    dates = {f"ft:gpt-4o:acme::in{days}": today + timedelta(days=days) for days in (-1, 0, 30, 31)}
    models = [FineTunedModel(model, day) for model, day in dates.items()]
    shown = sections(replace(EMPTY, models=[*models, FineTunedModel("ft:gpt-4o:acme::never", None)]))

    listed = shown["Models retiring soon"].splitlines()[1:]
    assert [line.split("`")[1] for line in listed] == ["ft:gpt-4o:acme::in0", "ft:gpt-4o:acme::in30"]
    assert listed[0].endswith("(today)")
    assert listed[1].endswith("(in 30 days)")


def test_undelivered_messages_name_channel_reason_and_fix() -> None:
    errors = ["not_in_channel", "is_archived", "odd_error", "no_permission", "missing_scope"]
    undelivered = [UndeliveredMessages(f"C{nth}", error, nth + 1) for nth, error in enumerate(errors)]
    shown = sections(replace(EMPTY, undelivered=undelivered))["Needs attention"]

    assert "1 message couldn't be delivered to <#C0>. I'm not in that channel" in shown
    assert "2 messages couldn't be delivered to <#C1>. The channel is archived. Unarchive it" in shown
    assert "3 messages couldn't be delivered to <#C2> (`odd_error`)." in shown
    assert "<#C3>" not in shown
    assert "And 2 more channels. Operators can retry these messages with `/ftjob outbox`." in shown


def test_undelivered_direct_messages_are_counted_without_a_channel() -> None:
    undelivered = [UndeliveredMessages("D0ABC", "channel_not_found", 2)]
    shown = sections(replace(EMPTY, undelivered=undelivered))["Needs attention"]

    assert ":warning: 2 direct messages couldn't be delivered. Slack won't let me post in that DM." in shown


@pytest.mark.parametrize("channels", [0, 1, 5])
def test_no_section_has_more_than_ten_rows_and_each_says_how_many_are_left_out(channels: int) -> None:
    home = Home(
        jobs=[each for nth in range(25) for each in home_jobs(sample_job(id=f"ftjob-{nth}", status="succeeded"))],
        undelivered=[UndeliveredMessages(f"C{nth}", "is_archived", 1) for nth in range(channels)],
        models=[FineTunedModel("ft:gpt-4o:acme::x", datetime.fromtimestamp(NOW, UTC).date())] * 25,
        following=Following(),
        health=[HEALTHY],
        version="1.0",
        now=NOW,
    )
    shown = sections(home)
    urgent = 10 - min(channels, 3)

    assert MAX_ROWS == 10
    assert len(names_in(shown["Needs attention"])) == urgent
    assert f"And {50 - urgent} more: see `/ftjob list`." in shown["Needs attention"]
    for title, hint in {"In progress": "active", "Latest results": "finished"}.items():
        assert len(names_in(shown[title])) == 10
        assert f"And 15 more: see `/ftjob list {hint}`." in shown[title]
    assert shown["Models retiring soon"].count("`ft:") == 10
    assert "And 15 more: see `/ftjob models`." in shown["Models retiring soon"]


def test_the_fullest_tab_stays_far_below_the_hundred_blocks_that_slack_takes() -> None:
    ill = [AccountHealth(NOW, f":warning: Account `{nth}`: {'x' * 400}", f"`{nth}`") for nth in range(50)]
    many = range(500)
    home = Home(
        jobs=[each for nth in many for each in home_jobs(sample_job(id=f"ftjob-{nth}", status="succeeded"))],
        undelivered=[UndeliveredMessages(f"C{nth}", "missing_scope", 9) for nth in many],
        models=[FineTunedModel("ft:" + "x" * 197, datetime.fromtimestamp(NOW, UTC).date())] * 500,
        following=Following([("x" * 60, CHANNEL)] * 100, 500, [CHANNEL] * 500, [HomeMute(CHANNEL, None, NOW)] * 500),
        health=ill,
        version="1.0",
        now=NOW,
    )
    view = home_view(home)

    assert view_faults(view) == []
    assert 40 < len(view["blocks"]) <= 60


@pytest.mark.parametrize(
    ("following", "is_new"),
    [
        (Following(), True),
        (Following(muted=[HomeMute(CHANNEL, None, NOW)]), True),
        (Following(may_track=False), False),
        (Following(tracked=[("ranker", CHANNEL)], tracked_count=1), False),
        (Following(subscribed=[CHANNEL]), False),
    ],
)
def test_whoever_follows_nothing_and_may_is_told_how_to_start(following: Following, *, is_new: bool) -> None:
    assert (NOTHING_TRACKED in sections(replace(EMPTY, following=following))[""]) is is_new


def test_what_one_follows_takes_one_line_each() -> None:
    tracked = [(f"ranker v{nth}", CHANNEL) for nth in range(12)]
    shown = sections(replace(EMPTY, following=Following(tracked, 43, [CHANNEL], [HomeMute(CHANNEL, None, NOW)])))[""]

    assert "(small) Your tracked jobs: *ranker v0* in <#C0ML>, *ranker v1* in <#C0ML>" in shown
    assert "and 33 more (see `/ftjob tracked` in a channel)" in shown
    assert "(small) Your subscriptions: <#C0ML>\n" in shown
    assert "(small) :mute: Muted: all jobs in <#C0ML> until" in shown


def test_the_last_lines_name_each_account_with_its_last_check_and_its_problem_first() -> None:
    ill = AccountHealth(NOW, ":warning: Account `b`: No response within 10 s.", "account `b`")
    unchecked = AccountHealth(None, ":warning: Account `c`: Incorrect API key.", "account `c`")
    shown = sections(replace(EMPTY, health=[HEALTHY, ill, unchecked]))[""].splitlines()[2:]

    assert shown[0].startswith("(small) :warning: Account `b`: No response within 10 s. Last successful check: <!date^")
    assert shown[1] == "(small) :warning: Account `c`: Incorrect API key. No successful check yet."
    assert shown[2].startswith("(small) OpenAI: API OK · last check <!date^")
    assert shown[3] == "(small) ftjob 1.0 · `/ftjob help`"


def test_an_outage_in_which_nothing_is_known_claims_nothing() -> None:
    ill = AccountHealth(NOW, ":warning: We are down.", "account `b`")

    assert "I can't read any jobs right now" in sections(replace(EMPTY, health=[ill]))[""]
    assert "No jobs yet in the accounts I can read." in sections(replace(EMPTY, health=[HEALTHY, ill]))[""]
