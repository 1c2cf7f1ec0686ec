"""The form for a new job: as it is read, inside Slack's limits, and with nothing in it that comes alive."""

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.blocks.create import CREATING, create_form, create_result, form_metadata
from bot.blocks.view import View
from bot.commands.create import NO_FILE, NO_MODAL, TOO_OLD
from bot.commands.create_form import read_job_request
from bot.commands.error_messages import TRAINING_CLOSED
from bot.jobs.creation import JobRequest
from bot.jobs.models import File
from bot.listeners.modals import _values
from bot.sandbox.slack.forms import submitted_state
from bot.sandbox.slack.messages import OpenView as Window
from tests.blocks.plain_text import view_text
from tests.blocks.rendered import CHANNEL, KEY, NOW
from tests.blocks.test_details import faults_of
from tests.blocks.test_every_message import markup

FILES = [
    File(id="file-new1", filename="train.jsonl", bytes=1_234_567, created_at=NOW),
    File(id="file-old1", filename=":tada: <!channel>", bytes=900, created_at=None),
]
PRIVATE = form_metadata(KEY, CHANNEL)
FILLED = JobRequest(
    "gpt-4o-mini",
    "file-new1",
    "file-old1",
    "search",
    0,
    "dpo",
    (("n_epochs", 10), ("learning_rate_multiplier", 0.00001), ("beta", 0.1)),
    (("team", "search"), ("note", "a=b")),
)
LONGEST = JobRequest(
    "m" * 200,
    "file-" + "f" * 100,
    "file-" + "f" * 100,
    markup(64),
    2**31 - 1,
    "dpo",
    (("n_epochs", 50), ("batch_size", 256), ("learning_rate_multiplier", 123456.12345678), ("beta", 2.0)),
    tuple((f"{n:02}" + markup(62), markup(512)) for n in range(14)),
)


def test_windows(snapshot: SnapshotAssertion) -> None:
    assert view_text(create_form(PRIVATE, FILES)) == snapshot(name="empty")
    assert view_text(create_form(PRIVATE, None, prefilled=FILLED, problem=TOO_OLD)) == snapshot(name="again, ids typed")
    assert view_text(CREATING) == snapshot(name="creating")
    assert view_text(create_result("Created.\nTracking `ftjob-abc123` here.")) == snapshot(name="created")
    words = [NO_FILE, NO_MODAL, TRAINING_CLOSED]
    assert words == snapshot(name="in words")


@pytest.mark.parametrize(
    "view",
    [
        create_form(PRIVATE, FILES),
        create_form(
            PRIVATE, [File(id=f"file-{n}", filename=markup(300), bytes=2**40, created_at=NOW) for n in range(100)]
        ),
        create_form(PRIVATE, None, prefilled=LONGEST, problem="&lt;" * 2000),
        create_form(PRIVATE, FILES, prefilled=LONGEST),
        CREATING,
        create_result("&lt;" * 2000),
    ],
    ids=["empty", "a hundred files", "typed", "longest", "creating", "created"],
)
def test_slack_accepts_every_modal(view: View) -> None:
    assert faults_of(view) == []


def test_a_form_that_is_shown_again_asks_for_the_same_job() -> None:
    window = Window("V1", "U1", create_form(PRIVATE, FILES, prefilled=FILLED).payload(), "", "V1")

    assert read_job_request(_values(submitted_state(window, {}))) == FILLED


def test_the_name_of_a_file_is_text() -> None:
    texts = [
        option["text"]
        for block in create_form(PRIVATE, FILES).blocks
        for option in block.get("element", {}).get("options", [])
    ]

    assert {text["type"] for text in texts} == {"plain_text"}
    assert {text["emoji"] for text in texts} == {False}


@pytest.mark.parametrize("name", ["train.jsonl", "a-very-long-name-of-a-file-" * 5, None])
def test_files_of_one_name_size_and_day_are_distinguishable(name: str | None) -> None:
    ids = [f"file-Hk3v9Qm1Lw8Zr2Tb-{nth}-9Xc4Vb7Nm0Qw" for nth in range(9)]
    files = [File(id=each, filename=name, bytes=900, created_at=NOW) for each in ids]
    window = create_form(PRIVATE, files)
    select = next(block["element"] for block in window.blocks if block.get("block_id") == "training_file")
    shown = [option["text"]["text"] for option in select["options"]]

    assert len(set(shown)) == len(files)
    assert all(len(each) <= 75 for each in shown)
    assert [option["value"] for option in select["options"]] == ids
