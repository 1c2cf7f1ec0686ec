import base64
from collections.abc import Callable

import pytest

from bot.blocks.checkpoint_list import checkpoint_list
from bot.jobs.models import Checkpoint, Event
from bot.jobs.progress import progress_of
from bot.jobs.results import Curve, curves_of, read_results
from bot.sandbox.openai.scenarios import reinforcement_csv, supervised_csv

PLAIN = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.4,,\n2,1.25,0.5,1.5,0.6\n"


def wrapped(text: str) -> bytes:
    return base64.encodebytes(text.encode())


@pytest.mark.parametrize(
    "content", [PLAIN.encode(), wrapped(PLAIN), b"\xef\xbb\xbf" + PLAIN.encode(), wrapped(PLAIN)[:-1]]
)
def test_a_result_file_is_a_csv_or_base64_of_one_and_empty_cells_are_no_points(content: bytes) -> None:
    assert read_results(content) == [
        Curve("training loss", ((1, 2.5), (2, 1.25))),
        Curve("validation loss", ((2, 1.5),)),
    ]


def test_columns_are_found_by_their_names_and_steps_are_put_in_order() -> None:
    content = b"full_valid_loss,odd,train_loss,step\n,x,1.0,3\n0.9,y,2.0,1\n"
    assert read_results(content) == [
        Curve("training loss", ((1, 2.0), (3, 1.0))),
        Curve("full validation loss", ((1, 0.9),)),
    ]


def test_where_there_are_rewards_they_are_shown_alone() -> None:
    content = b"step,train_loss,train_mean_reward,full_valid_mean_reward\n1,9.0,0.2,0.1\n2,8.0,0.5,\n"
    assert [curve.name for curve in read_results(content)] == ["training reward", "validation reward"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"step\n1\n",
        b"PK\x03\x04" * 100,
        b"\xff\xfe\x00\x00",
        b'{"step": 1, "train_loss": 2}',
        b'step,train_loss\n1,"' + b"x" * 200_000,
        b"step,train_loss\n1,nan\n2,inf\n3,1e400\n4,x\n-5,1\n1e30,1\n,1\n",
        base64.b64encode(b"\x00" * 1000),
    ],
)
def test_what_is_no_result_file_has_no_curves(content: bytes) -> None:
    assert read_results(content) == []


@pytest.mark.parametrize(
    "data", [{"step": "7", "train_loss": "0.5"}, {"step": 7.0, "train_loss": 0.5, "valid_loss": None}]
)
def test_a_log_is_read_like_a_file(data: dict[str, object]) -> None:
    assert curves_of([Event(data=data), Event(message="Job started."), Event(data={"step": True})]) == [
        Curve("training loss", ((7, 0.5),))
    ]


@pytest.mark.parametrize(("file", "best"), [(supervised_csv(12), min), (reinforcement_csv(12), max)])
def test_the_best_point_has_the_least_loss_or_the_greatest_reward(file: str, best: Callable[..., float]) -> None:
    curves = read_results(file.encode())
    assert curves
    for curve in curves:
        assert curve.best[1] == best(value for _, value in curve.points)


AZURE = """step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy
1,2.5,0.4,-1.0,-1.0
2,1.9,0.5,1.8,0.5
3,1.7,0.5,-1.0,-1.0
"""


@pytest.mark.parametrize("content", [AZURE.encode(), wrapped(AZURE), AZURE.replace("\n", "\r\n").encode()])
def test_minus_one_in_a_result_file_is_no_measurement(content: bytes) -> None:
    assert read_results(content) == [
        Curve("training loss", ((1, 2.5), (2, 1.9), (3, 1.7))),
        Curve("validation loss", ((2, 1.8),)),
    ]


@pytest.mark.parametrize(
    ("column", "cell", "name"),
    [
        *(
            (column, cell, None)
            for column in ("train_loss", "valid_loss", "full_valid_loss")
            for cell in ("-1", "-1.0")
        ),
        *(("valid_loss", cell, None) for cell in ("", "nan", "NaN", "inf", "-Infinity", "-1e0", "9" * 5000)),
        ("full_valid_mean_reward", "-1", None),
        ("valid_loss", "-0.5", "validation loss"),
        ("train_loss", "-1.5", "training loss"),
        ("train_mean_reward", "-1", "training reward"),
    ],
)
def test_which_numbers_are_measurements_depends_on_what_was_measured(column: str, cell: str, name: str | None) -> None:
    found = read_results(f"step,{column}\n4,{cell}\n".encode())
    assert found == ([Curve(name, ((4, float(cell)),))] if name else [])


@pytest.mark.parametrize(
    "data", [{"train_loss": -1.0, "valid_loss": 1.5}, {"train_loss": 10**5000, "valid_loss": "1.5"}]
)
def test_a_log_says_not_measured_as_a_file_does(data: dict[str, object]) -> None:
    event = Event(data={"step": 3} | data)
    progress = progress_of([event])
    assert curves_of([event]) == [Curve("validation loss", ((3, 1.5),))]
    assert progress is not None
    assert progress.points == ()


def test_a_checkpoint_shows_no_measurement_that_was_not_made() -> None:
    metrics = {"train_loss": 0.5, "valid_loss": -1.0, "full_valid_loss": 10**5000, "valid_mean_token_accuracy": -1}
    shown = checkpoint_list("ftjob-a", [Checkpoint(step_number=9, metrics=metrics)], older=None).blocks[1]
    assert "training loss 0.5" in shown["text"]["text"]
    assert "valid" not in shown["text"]["text"]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_rows_end_at_line_breaks_alone(separator: str) -> None:
    content = f"step,note,train_loss\n1,before{separator}after,2.5\n2,,1.5\r3,,1.0\r\n4,,0.5"
    assert read_results(content.encode()) == [Curve("training loss", ((1, 2.5), (2, 1.5), (3, 1.0), (4, 0.5)))]
