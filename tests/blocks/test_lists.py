from bot.blocks.job_list import MAX_JOBS, job_list
from bot.blocks.tracked_list import MAX_ROWS, tracked_list
from tests.blocks.rendered import SUCCEEDED, sample_job, visible_text

MODEL = SUCCEEDED["fine_tuned_model"]
SUBSCRIBED = "This channel is subscribed: `/ftjob subscriptions` shows to what."


def test_a_job_is_a_row_with_its_state_its_model_and_a_button() -> None:
    message = job_list([sample_job(**SUCCEEDED)], title="The newest jobs", empty="None.")

    assert message.text == "The newest jobs: ftjob-abc123 succeeded."
    assert visible_text(message).splitlines() == [
        "*The newest jobs*",
        ":white_check_mark: Succeeded · `ftjob-abc123`",
        f"`{MODEL}` · <!date^1790000000^{{date_short_pretty}} at {{time}}|2026-09-21 14:13 UTC>",
        "Status",
    ]


def test_a_job_without_a_model_or_a_date_is_still_a_row() -> None:
    message = job_list([sample_job(model=None, created_at=None)], title="Jobs", empty="None.")

    assert ":gear: Running · `ftjob-abc123`\n`?`\n" in visible_text(message)


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

    assert visible_text(message).splitlines()[-1] == "And 7 more: `/ftjob list active` shows them, in pages."
    assert visible_text(message).count("Running") == MAX_JOBS
    assert "And" not in visible_text(job_list(jobs[:MAX_JOBS], title="Jobs", empty="None."))


def test_the_spoken_text_of_a_long_list_has_its_first_ten_jobs() -> None:
    jobs = [(f"ftjob-{n}", "running") for n in range(12)]

    assert tracked_list(jobs, subscribed=False).text == (
        "12 jobs tracked here: " + "".join(f"ftjob-{n} running; " for n in range(10)) + "and 2 more."
    )


def test_a_track_is_a_row_with_a_button_that_ends_it() -> None:
    message = tracked_list([("ftjob-a", "validating_files")], subscribed=False)

    assert message.text == "1 job tracked here: ftjob-a validating files."
    assert visible_text(message).splitlines() == [
        "*1 job tracked here*",
        ":mag: Validating files · `ftjob-a`",
        "Untrack",
    ]
    assert message.blocks[1]["accessory"]["action_id"] == "ftjob_untrack"
    assert message.blocks[1]["accessory"]["value"] == "ftjob-a"


def test_tracked_jobs_that_do_not_fit_are_counted() -> None:
    message = tracked_list([(f"ftjob-{n}", "running") for n in range(MAX_ROWS + 460)], subscribed=True)

    assert visible_text(message).startswith("*500 jobs tracked here*")
    assert visible_text(message).splitlines()[-3:] == ["And 460 more: press *More*.", SUBSCRIBED, "More"]
    last = tracked_list([(f"ftjob-{n}", "running") for n in range(MAX_ROWS + 1)], subscribed=False, start=MAX_ROWS)
    assert visible_text(last).splitlines()[0] == "*41 jobs tracked here, from number 41 on*"
    assert "more" not in visible_text(last)


def test_without_tracked_jobs_the_reply_says_how_to_start() -> None:
    assert "`/ftjob track &lt;id&gt;`" in tracked_list([], subscribed=False).text
    assert tracked_list([], subscribed=True).text == SUBSCRIBED
