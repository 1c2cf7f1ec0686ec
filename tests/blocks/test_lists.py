import pytest

from bot.blocks.choices import Choice
from bot.blocks.job import SHOW, UNTRACK
from bot.blocks.job_list import MAX_JOBS, job_list
from bot.blocks.subscriptions import listed_jobs_phrase
from bot.blocks.track_remainder import track_remainder_message
from bot.blocks.tracked_list import MAX_ROWS, tracked_list
from bot.jobs.filters import Filter
from tests.blocks.rendered import SUCCEEDED, sample_job, visible_text

SUBSCRIBED = "This channel has subscriptions. Run `/ftjob subscriptions` to see them."


def test_a_job_is_one_line_with_its_name_status_and_model() -> None:
    message = job_list([sample_job(**SUCCEEDED)], title="The newest jobs", empty="None.")

    assert message.text == "The newest jobs: search succeeded."
    assert visible_text(message).splitlines()[:2] == [
        "*The newest jobs*",
        ":white_check_mark: *search* · succeeded · gpt-4o-mini-2024-07-18 · "  # noqa: ISC004
        "<!date^1790000000^{date_short_pretty} at {time}|2026-09-21 14:13 UTC>",
    ]


def test_the_menu_below_a_list_shows_a_job() -> None:
    jobs = [sample_job(**SUCCEEDED), sample_job(id="ftjob-def456")]
    (menu,) = job_list(jobs, title="The newest jobs", empty="None.").blocks[-1]["elements"]

    assert (menu["type"], menu["action_id"]) == ("static_select", SHOW)
    assert [(each["text"]["text"], each["value"]) for each in menu["options"]] == [
        ("search · Succeeded", "ftjob-abc123"),
        ("ftjob-def456 · Running", "ftjob-def456"),
    ]


def test_a_job_without_a_model_or_a_date_is_still_a_row() -> None:
    message = job_list([sample_job(model=None, created_at=None)], title="Jobs", empty="None.")

    assert visible_text(message).splitlines()[1] == ":gear: *ftjob-abc123* · running"


def test_without_jobs_the_reply_is_the_empty_sentence() -> None:
    message = job_list([], title="Jobs", empty="No jobs yet.", older="list all 10 after:ftjob-abc123")

    assert message.text == visible_text(message) == "No jobs yet."


def test_a_list_says_that_there_are_more_jobs() -> None:
    older = "list all 10 after:ftjob-abc123"
    (button,) = job_list([sample_job()], title="Jobs", empty="None.", older=older).blocks[-1]["elements"]
    assert (button["text"]["text"], button["value"]) == ("Older", older)
    assert "Older" not in visible_text(job_list([sample_job()], title="Jobs", empty="None."))
    assert "Older" not in visible_text(
        job_list([sample_job()], title="Jobs", empty="None.", older="list " + "k=v " * 500)
    )


def test_a_list_counts_the_jobs_that_do_not_fit() -> None:
    jobs = [sample_job(id=f"ftjob-{n}") for n in range(MAX_JOBS + 7)]
    message = job_list(jobs, title="Jobs", empty="None.")

    assert "And 7 more: run `/ftjob list active` to page through them." in visible_text(message).splitlines()
    assert visible_text(message).count(":gear:") == MAX_JOBS
    assert "And" not in visible_text(job_list(jobs[:MAX_JOBS], title="Jobs", empty="None."))


def test_the_spoken_text_of_a_long_list_has_its_first_ten_jobs() -> None:
    jobs = [Choice(f"ftjob-{n}", None, "running") for n in range(12)]

    assert tracked_list(jobs, subscribed=False).text == (
        "12 jobs tracked here: " + "".join(f"ftjob-{n} running; " for n in range(10)) + "and 2 more."
    )


def test_a_tracked_job_is_one_line_and_menus_show_or_untrack_it() -> None:
    message = tracked_list([Choice("ftjob-a", "ranker v7", "validating_files")], subscribed=False)
    menus = [block["elements"][0] for block in message.blocks if block["type"] == "actions"]

    assert message.text == "1 job tracked here: ranker v7 validating files."
    assert visible_text(message).splitlines()[:2] == [
        "*1 job tracked here*",
        ":mag: *ranker v7* · validating files",
    ]
    assert [each["action_id"] for each in menus] == [SHOW, UNTRACK]
    assert [option["value"] for menu in menus for option in menu["options"]] == ["ftjob-a", "ftjob-a"]


def test_tracked_jobs_that_do_not_fit_are_counted() -> None:
    message = tracked_list([Choice(f"ftjob-{n}", None, "running") for n in range(MAX_ROWS + 460)], subscribed=True)

    assert visible_text(message).startswith("*500 jobs tracked here*")
    lines = visible_text(message).splitlines()
    assert [lines.index("And 460 more: click *More*."), lines.index(SUBSCRIBED)] == [41, 42]
    assert lines[-1] == "More"
    last = tracked_list(
        [Choice(f"ftjob-{n}", None, "running") for n in range(MAX_ROWS + 1)], subscribed=False, start=MAX_ROWS
    )
    assert visible_text(last).splitlines()[0] == "*41 jobs tracked here (showing 41\u201341)*"
    assert "more" not in visible_text(last)


def test_without_tracked_jobs_the_reply_says_how_to_start() -> None:
    assert "`/ftjob track &lt;id&gt;`" in tracked_list([], subscribed=False).text
    empty = tracked_list([], subscribed=True).text
    assert empty.startswith("No jobs are tracked here right now. This channel has subscriptions")
    assert empty.endswith("To see the subscriptions, run `/ftjob subscriptions`.")


def test_the_notification_of_jobs_left_out_has_the_result_first_and_whole_sentences() -> None:
    several = track_remainder_message("Tracking `ftjob-a` here.", ["ftjob-b", "ftjob-c"], batch_size=5)
    one = track_remainder_message("Tracking `ftjob-a` here.", ["ftjob-b"], batch_size=5)

    mentions = "That message mentions 2 more jobs (limit: 5 at a time). To track them, run"
    assert several.text == f"Tracking `ftjob-a` here.\n{mentions} `/ftjob track` with their IDs."
    assert visible_text(several) == f"Tracking `ftjob-a` here.\n{mentions}:\n`/ftjob track ftjob-b ftjob-c`"
    assert one.text.endswith("mentions 1 more job (limit: 5 at a time). To track it, run `/ftjob track` with its ID.")


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        (("failed", "paused"), "failed or paused jobs with `a=1` and `b=2`"),
        (("validating_files",), "jobs with the status “validating files” with `a=1` and `b=2`"),
        (
            ("queued", "validating_files"),
            "jobs with the status “queued” or “validating files” with `a=1` and `b=2`",
        ),
    ],
)
def test_a_list_says_in_a_sentence_which_jobs_it_shows(statuses: tuple[str, ...], said: str) -> None:
    assert listed_jobs_phrase(Filter(statuses, metadata=(("a", "1"), ("b", "2")))) == said
