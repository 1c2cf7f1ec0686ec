"""What is a job id and what is not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.ids import (
    first_invalid_character,
    is_job_id,
    is_valid_id,
    other_id_kind,
    parse_foreign_id,
    parse_job_id,
)
from tests.jobs.openapi import example_jobs

IDS = ["ftjob-abc123", "ftjob_abc123", "ft-AF1WoRqd3aJAHsqc9NY7iL8F", "ft_x", "ftjob-a-b_c", "ftjob-" + "a" * 64]

NOT_IDS = {
    "spaces: stripped elsewhere": ["\u00a0ftjob-a1", "ftjob-a1\u200b", "\ufeffftjob-a1", "ftjob-a1\t", " ftjob-a1"],
    "prefix: nothing after the dash": ["ftjob-", "ftjob", "ft", "ft-", "ft_", ""],
    "path: another path": ["../../files/file-abc", "/ftjob-abc", "./ftjob-abc"],
    "path: more than a segment": ["ftjob-abc/../../models", "ftjob-abc/cancel", "ftjob-abc\\..\\x"],
    "escape: escapes and queries": [
        "ftjob-abc%2F..%2Fcancel",
        "ftjob-abc%00",
        "ftjob-abc?x=1",
        "ftjob-abc#f",
        "ftjob-abc;a=b",
    ],
    "digits: digits of other scripts": ["ftjob-\u0661\u0662\u0663", "ftjob-\u0967"],
    "emoji: pictures": ["ftjob-\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "ftjob-a\U0001f3fd"],
    "control: control characters": ["ftjob-a\x00", "ftjob-a\x01", "ftjob-a\x85", "ftjob-a\u2028", "\x00"],
    "letters: other letters": [
        "\uff46\uff54\uff4a\uff4f\uff42-abc",
        "ftjob-e\u0301",
        "ftjob-\u00e9",
        "FTJOB-abc",
        "Ft-a",
    ],
    "length: too long": ["A" * 8000, "ftjob-" + "a" * 65],
    "broadcast: everybody": ["<!channel>", "<!here>", "<!everyone>", "<!subteam^S1>"],
    "mention: somebody": ["<@U123>", "<#C123|x>", "<@ftjob-abc>"],
    "markup: formatting": ["<b>ftjob-a</b>", "> ftjob-a", "ftjob-a ftjob-b"],
    "SQL: SQL": ["'; DROP TABLE job;--", "ftjob-a';--"],
    "template: templates": ["{{7*7}}", "${jndi:ldap://x}", "$(id)", "%s", "%n", "{0.__class__}"],
    "newline: a second line": ["ftjob-a\r\nERROR forged line", "ftjob-a\n", "\nftjob-a"],
    "terminal: terminal": ["\x1b[2J\x1b]0;x\a", "ftjob-a\x1b[0m"],
    "another id: other things": [
        "ft:gpt-4o:org::abc",
        "file-abc",
        "batch_abc",
        "modelfactory",
        "ftevent-abc",
        "ftckpt_abc",
    ],
}

QUOTES = ["`{}`", "'{}'", '"{}"', "\u201c{}\u201d", "\u2018{}\u2019", "*{}*", "_{}_", "{},", "```{}```", "*_`{}`_*"]


@pytest.mark.parametrize("text", [*IDS, *(body["id"] for body in example_jobs().values())])
def test_an_id_is_an_id(text: str) -> None:
    assert is_job_id(text)
    assert parse_job_id(text) == text
    assert other_id_kind(text) is None


@pytest.mark.parametrize("text", [text for texts in NOT_IDS.values() for text in texts])
def test_what_is_not_an_id_is_not_one(text: str) -> None:
    assert not is_job_id(text)


@pytest.mark.parametrize(
    "text", [text for row in NOT_IDS for text in NOT_IDS[row] if not row.startswith(("spaces", "SQL"))]
)
def test_nor_does_it_stand_for_one(text: str) -> None:
    assert parse_job_id(text) is None


@pytest.mark.parametrize("quotes", QUOTES)
@pytest.mark.parametrize("job_id", ["ftjob-abc123", "ft-AF1Wo"])
def test_quotes_and_formatting_around_an_id_do_not_count(quotes: str, job_id: str) -> None:
    assert parse_job_id(quotes.format(job_id)) == job_id


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ft:gpt-4o:org::abc", "a model name"),
        ("file-abc", "a file ID"),
        ("batch_abc", "a batch ID"),
        ("org-abc", "an organization ID"),
        ("proj_abc", "a project ID"),
        ("modelfactory", None),
        ("status", None),
        ("", None),
    ],
)
def test_ids_of_other_things_are_named(text: str, kind: str | None) -> None:
    assert other_id_kind(text) == kind


@given(st.from_regex(r"\Aft(job)?[-_][A-Za-z0-9_-]{1,64}\Z"))
def test_whatever_has_the_shape_of_an_id_stands_for_itself(text: str) -> None:
    assert parse_job_id(text) == text


@given(st.text() | st.text(alphabet="ftjob-_<>|/.%\n`*?#&:1", max_size=20).map("ftjob-".__add__))
def test_whatever_stands_for_a_job_cannot_leave_its_place_in_a_path(text: str) -> None:
    found = parse_job_id(text)
    assert found is None or (found in text and re.fullmatch("[A-Za-z0-9_-]+", found, re.ASCII))
    assert is_job_id(text) == (re.fullmatch(r"ft(?:job)?[-_][a-zA-Z0-9_-]{1,64}", text, re.ASCII) is not None)


FOREIGN = [
    "2ac5c4f1-8f2e-4f0e-9a34-0b1a9c2d7e11",
    "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/open-7b.x/abc123",
    "projects/1/locations/us-central1/tuningJobs/456",
    "bGl0ZWxsbV9wcm94eTpqb2IxMjM=",
    "run.2026-11.7",
    "open-run-alpha",
]


@pytest.mark.parametrize("job_id", FOREIGN)
def test_an_id_of_any_other_api_may_be_typed_bare_or_in_quotes(job_id: str) -> None:
    assert is_valid_id(job_id)
    assert parse_job_id(job_id) is None
    assert [parse_foreign_id(quotes.format(job_id)) for quotes in ("{}", "`{}`", "{},")] == [job_id] * 3
    assert first_invalid_character(job_id) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a b",
        "a\x00",
        "a\n",
        "\u202ea1",
        "a\u200b1",
        "<!channel>",
        "a|b",
        "`a`",
        "../a1",
        "a/../1",
        "a//1",
        "a" * 129,
    ],
)
def test_what_cannot_be_asked_for_can_be_no_id(text: str) -> None:
    assert not is_valid_id(text)
    assert parse_foreign_id(text) is None


@pytest.mark.parametrize(
    "text", ["everything", "modelfactory", "ftjob-abc/cancel1", "ftjob-" + "1" * 65, "a%2F1", "a?b=1", "#1"]
)
def test_a_word_that_is_more_likely_a_slip_is_not_taken_for_an_id(text: str) -> None:
    assert parse_foreign_id(text) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("\u202eftjob-abc123", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("ftj\u043eb-abc123", "U+043E CYRILLIC SMALL LETTER O"),
        ("ftjob-\u200babc", "U+200B ZERO WIDTH SPACE"),
        ("ftjob-\u0661", "U+0661 ARABIC-INDIC DIGIT ONE"),
        ("ftjob-a\x1b", "U+001B"),
        ("ftjob-\ud800", "U+D800"),
        ("ftjob-abc123", None),
    ],
)
def test_the_character_that_no_id_has_is_named(text: str, named: str | None) -> None:
    assert first_invalid_character(text) == named
