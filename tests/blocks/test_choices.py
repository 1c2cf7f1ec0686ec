import pytest

from bot.blocks.choices import MAX_LABEL_LENGTH, Choice, distinct_labels
from bot.jobs.ids import short_id

SAME_ENDS = ["ftjob-abcdefgh1A1uWF6uo1", "ftjob-abcdefgh2B1uWF6uo1", "ftjob-abcdefgh3C1uWF6uo1"]


def test_names_lead_and_the_status_follows() -> None:
    chosen = [Choice("ftjob-1", "search-v3", "Running"), Choice("ftjob-2", "ranker", "Failed")]

    assert distinct_labels(chosen) == ["search-v3 · Running", "ranker · Failed"]


def test_without_a_name_the_beginning_and_the_end_of_the_id_are_shown() -> None:
    assert distinct_labels([Choice("ftjob-AbCdEfGhIjKlMnOpQrStUvWx", None, "Queued")]) == [
        "ftjob-AbCd…pQrStUvWx · Queued"
    ]
    assert distinct_labels([Choice("12345", None, "Queued")]) == ["12345 · Queued"]


@pytest.mark.parametrize(
    "choices",
    [
        [Choice(each, None, "Running") for each in SAME_ENDS],
        [Choice(each, "replica", "Running") for each in SAME_ENDS],
        [Choice(f"ftjob-{'x' * 30}{nth}{'y' * 30}", None, "Running") for nth in range(5)],
        [Choice(f"ftjob-{nth}", "n" * 200, "Running") for nth in range(5)],
        [Choice(f"{'a' * 60}{nth}{'b' * 60}", "n" * 200, "r" * 30) for nth in range(5)],
        [Choice("ftjob-1", None, ""), Choice("ftjob-1", None, "")],
        [
            Choice("ftjob-1", "same", "Running"),
            Choice("ftjob-1", "same", "Running"),
            Choice("ftjob-2", "same", "Running"),
        ],
        [Choice("a", "b · c", "d"), Choice("c", "b", "c · d")],
        [Choice("a", "\u202e\u200b", ""), Choice("b", "", "")],
    ],
)
def test_no_two_labels_of_a_choice_are_the_same(choices: list[Choice]) -> None:
    drawn = distinct_labels(choices)

    assert len(set(drawn)) == len(choices)
    assert all(0 < len(label) <= MAX_LABEL_LENGTH for label in drawn)
    assert all(label.isprintable() for label in drawn)


def test_jobs_of_one_name_are_distinguished_by_id() -> None:
    drawn = distinct_labels([Choice(each, "replica", "Running") for each in ("ftjob-one", "ftjob-two")])

    assert drawn == ["replica · ftjob-one · Running", "replica · ftjob-two · Running"]


@pytest.mark.parametrize(
    ("text", "room", "expected"), [("abcdef", 6, "abcdef"), ("abcdefg", 6, "abc…fg"), ("abcdefgh", 7, "abc…fgh")]
)
def test_an_id_is_cut_in_its_middle(text: str, room: int, expected: str) -> None:
    assert short_id(text, room) == expected
