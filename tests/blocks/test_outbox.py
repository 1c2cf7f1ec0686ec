import pytest

from bot.blocks.changes import change_label
from bot.blocks.notice import NoticeKind, notice_message
from bot.blocks.outbox import (
    ALL_MESSAGES,
    MAX_ROWS,
    RETRY,
    RETRY_ALL,
    UndeliveredRow,
    outbox_message,
)
from bot.blocks.parts import Message
from bot.jobs.changes import Change, ChangeKind, State
from bot.sandbox.slack.messages import interactive_elements
from bot.slack.errors import AUTH_ERRORS, CHANNEL_CLOSED, INVALID_CONTENT
from tests.blocks.rendered import CHANNEL, NOW, PERSON, message_faults, visible_text

JOB = "ftjob-0a1b2c3d4e5f6a7b8c9d0e1f"
WORDS = sorted(CHANNEL_CLOSED | AUTH_ERRORS | INVALID_CONTENT | {"not_drawn"})
UNKNOWN = "Slack rejected it."


def failed(
    error: str | None = "not_in_channel", *, channel: str = CHANNEL, number: int = 7, name: str | None = None
) -> UndeliveredRow:
    change = Change(ChangeKind.STATUS, State("validating_files"), State("succeeded"))
    return UndeliveredRow(number, change_label(change, JOB, name), channel, NOW, error)


def drawn(*rows: UndeliveredRow, total: int = 0, waiting: int = 0, waits_for: float | None = None) -> Message:
    return outbox_message(rows, total=total or len(rows), waiting=waiting, waits_for=waits_for)


def pressable(message: Message) -> list[tuple[str, str]]:
    return [(element["action_id"], element["value"]) for _, element in interactive_elements(list(message.blocks))]


@pytest.mark.parametrize("word", WORDS)
def test_every_error_that_parks_or_kills_a_message_has_a_remedy(word: str) -> None:
    said = visible_text(drawn(failed(word)))

    assert UNKNOWN not in said
    assert f"(`{word[:39]}" in said
    assert "ref 7)" in said, "nothing is cut"


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("not_in_channel", "`/invite @ftjob`"),
        ("channel_not_found", "`/invite @ftjob`"),
        ("is_archived", "Unarchive it"),
        ("missing_scope", "Reinstall"),
        ("restricted_action", "posting permissions"),
        ("msg_too_long", "a bug in ftjob). Ask your ftjob admin to report it"),
        ("not_drawn", "a bug in ftjob). Ask your ftjob admin to report it"),
        ("token_revoked", "the new token"),
    ],
)
def test_the_remedy_fits_the_reason(word: str, fix: str) -> None:
    assert fix in visible_text(drawn(failed(word)))


@pytest.mark.parametrize("word", ["word_of_tomorrow", "http_500", "timeout"])
def test_an_unknown_error_is_shown_as_it_is(word: str) -> None:
    said = visible_text(drawn(failed(word)))

    assert UNKNOWN in said
    assert f"(`{word}`, ref 7)" in said


def test_a_dead_letter_without_an_error_has_a_row_too() -> None:
    message = drawn(failed(None))

    assert UNKNOWN in visible_text(message)
    assert message_faults(message) == []


@pytest.mark.parametrize(
    ("channel", "place"),
    [
        (CHANNEL, f"<#{CHANNEL}>"),
        ("G0PRIVATE", "<#G0PRIVATE>"),
        (PERSON, f"<@{PERSON}>"),
        ("D0MILO", "a direct message"),
        ("<!channel>", "`&lt;!channel&gt;`"),
        ("C0|x>", "`C0|x&gt;`"),
    ],
)
def test_a_row_names_the_destination(channel: str, place: str) -> None:
    assert f" · {place} · since " in visible_text(drawn(failed(channel=channel)))


def test_every_row_has_a_button_of_its_own_and_all_have_one_together() -> None:
    message = drawn(*(failed(number=number) for number in range(100, 125)), total=31)

    each = [(f"{RETRY}:{nth}", str(100 + nth)) for nth in range(MAX_ROWS)]
    assert pressable(message) == [*each, (RETRY_ALL, ALL_MESSAGES)]
    assert "Retry all (31)" in visible_text(message)
    assert "Showing the oldest 20 of 31; the rest will appear as these are delivered." in visible_text(message)
    assert message_faults(message) == []


def test_one_row_alone_needs_no_button_for_all() -> None:
    message = drawn(failed())

    assert pressable(message) == [(f"{RETRY}:0", "7")]
    assert "the oldest" not in visible_text(message)


def test_every_button_has_a_label_that_names_what_it_retries() -> None:
    labels = [
        element["accessibility_label"]
        for _, element in interactive_elements(list(drawn(failed(), failed(number=8)).blocks))
    ]

    assert labels == [*[f"Retry {JOB}: validating files → succeeded"] * 2, "Retry all 2 messages"]


@pytest.mark.parametrize(
    ("waiting", "age", "said"),
    [
        (0, None, "No messages pending."),
        (1, 5.0, "1 message pending for 5 s."),
        (3, 125.0, "3 messages pending, the oldest for 2 min 5 s."),
    ],
)
def test_pending_messages_are_counted_whether_or_not_anything_failed(
    waiting: int, age: float | None, said: str
) -> None:
    assert said in visible_text(drawn(failed(), waiting=waiting, waits_for=age))
    nothing = drawn(waiting=waiting, waits_for=age)
    alone = f"No failed messages. {said}" if waiting else "No undelivered messages."
    assert nothing.text == visible_text(nothing) == alone
    assert pressable(nothing) == []


def test_the_first_few_are_read_aloud_and_the_rest_counted() -> None:
    message = drawn(*(failed() for _ in range(9)), total=50)

    assert message.text.startswith(f"50 messages couldn't be delivered: `{JOB}`: validating files → succeeded (not_in")
    assert message.text.count(JOB) == 5
    assert message.text.endswith("and 45 more.")


@pytest.mark.parametrize("channel", ["D0TWOPEOPLE", "U0MILO", "W0MILO"])
@pytest.mark.parametrize("word", ["not_in_channel", "channel_not_found", "is_archived"])
def test_no_one_is_invited_to_direct_messages(word: str, channel: str) -> None:
    said = visible_text(drawn(failed(word, channel=channel)))

    assert "/invite" not in said
    assert "Unarchive" not in said
    assert "Run `/ftjob track &lt;id&gt;` in a channel instead." in said


@pytest.mark.parametrize(
    ("word", "channel", "advice"),
    [
        ("not_in_channel", CHANNEL, "Type `/invite @ftjob` there"),
        ("is_archived", CHANNEL, "Unarchive it"),
        ("restricted_action", CHANNEL, "channel settings, posting permissions), then have an operator retry"),
        ("shared_with_another_company", CHANNEL, "FTJOB_ALLOW_SHARED_CHANNELS=1"),
        ("channel_not_found", "D0TWOPEOPLE", "Run `/ftjob track &lt;id&gt;` in a channel instead."),
        ("messages_tab_disabled", "D0MILO", "App Home"),
        ("user_not_found", "U0MILO", "Have someone else track the job."),
    ],
)
def test_a_follower_of_a_closed_channel_reads_how_to_reopen_it(word: str, channel: str, advice: str) -> None:
    said = visible_text(
        notice_message({"kind": NoticeKind.CHANNEL_CLOSED, "about": channel, "error": word, "waiting": 2})
    )

    assert advice in said
    assert ("/invite" in said) == (word == "not_in_channel")
    assert ("narchive it" in said) == (word == "is_archived")
