"""What is no command: malformed and hostile input, and that nothing else can happen."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.blocks.replies import problem_message
from bot.commands.command import Command
from bot.commands.list import ListCommand
from bot.commands.registry import USAGES, VERBS, parse
from bot.commands.status import StatusCommand
from bot.errors import UserError
from bot.jobs.ids import is_valid_id
from tests.blocks.rendered import active_markup, invisible_characters, markup_texts, message_faults
from tests.commands.typed import REQUESTER, refused
from tests.fake_secrets import CORES, SECRETS

JOB = "ftjob-abc123"
TWO_JOBS_MORE = "Name one job at a time"
NO_ID = "isn't a job ID."

REFUSED = {
    "link: a label is not trusted": ("track <https://evil.example/ftjob-abc123|ftjob-abc123>", NO_ID),
    "link: a host that begins alike": ("track <https://platform.openai.com.evil.example/finetune/ftjob-a>", NO_ID),
    "count: fifty ids": ("track " + " ".join(f"ftjob-{n}" for n in range(50)), "Name up to 5 jobs at a time."),
    "prefix: nothing after the hyphen": ("track ftjob-", NO_ID),
    "path: a path": ("track ../../files/file-abc", NO_ID),
    "path: a path after an id": ("track ftjob-abc/../../models", NO_ID),
    "path: another call": ("track ftjob-abc/cancel", NO_ID),
    "path: a path of windows": ("track ftjob-abc\\..\\x", NO_ID),
    "escape: percent": ("track ftjob-abc%2F..%2Fcancel", NO_ID),
    "escape: percent zero": ("track ftjob-abc%00", NO_ID),
    "escape: a query": ("track ftjob-abc?x=1", NO_ID),
    "escape: a fragment": ("track ftjob-abc#f", NO_ID),
    "escape: a parameter": ("track ftjob-abc;a=b", NO_ID),
    "escape: too long": ("track ftjob-" + "a" * 65, NO_ID),
    "digits: digits of another script": ("track ftjob-\u0661\u0662\u0663", NO_ID),
    "emoji: emoji": ("track \U0001f600", NO_ID),
    "emoji: a family": ("track \U0001f468\u200d\U0001f469\u200d\U0001f467", NO_ID),
    "emoji: a flag": ("track \U0001f1e9\U0001f1ea", NO_ID),
    "emoji: a skin tone": ("track \U0001f44d\U0001f3fd", NO_ID),
    "control: a zero byte": ("track ftjob-a\x00b", NO_ID),
    "control: nothing but a zero byte": ("cancel \x00", "Which job?"),
    "control: a control": ("track ftjob-a\x01b", NO_ID),
    "control: a next line": ("track ftjob-a\x85b", "isn't a job ID."),
    "control: a line separator": ("track ftjob-a\u2028b", "isn't a job ID."),
    "control: a space of no width inside": ("track ftjob-a\u200bb", NO_ID),
    "letters: an id in wide letters": ("track \uff46\uff54job-abc", NO_ID),
    "letters: an id with a combining letter": ("track ftjob-e\u0301", NO_ID),
    "length: eight thousand letters": ("A" * 8000, "Unknown command"),
    "length: as an id": ("track " + "A" * 8000, NO_ID),
    "length: nothing but what has to be escaped": ("track " + "&" * 8000, NO_ID),
    "broadcast: a channel": ("track <!channel>", NO_ID),
    "broadcast: here": ("track <!here>", NO_ID),
    "broadcast: everyone": ("track <!everyone>", NO_ID),
    "broadcast: a group": ("track <!subteam^S1>", NO_ID),
    "broadcast: as a verb": ("<!channel>", "Unknown command"),
    "mention: a person": ("track <@U123>", NO_ID),
    "mention: a channel by id": ("track <#C123|x>", NO_ID),
    "markup: markup": ("track *b* _i_ ~s~ ```x``` > q `", "Name up to 5 jobs"),
    "markup: one piece of it": ("track ~s~", NO_ID),
    "markup: a fence": ("track ```x```", NO_ID),
    "SQL: sql": ("track '; DROP TABLE job;--", NO_ID),
    "template: templates": ("track {{7*7}} ${jndi:ldap://x} $(id) %s", NO_ID),
    "template: formats": ("track {0.__class__}", NO_ID),
    "newline: a forged line": ("track ftjob-a\r\nERROR forged line", "`ERROR` " + NO_ID),
    "terminal: a terminal's orders": ("track \x1b[2J\x1b]0;x\x07", NO_ID),
    "another id: a model": ("track ft:gpt-4o:org::abc", "is a model name, not a job ID."),
    "another id: a file": ("track file-abc", "is a file ID, not a job ID."),
    "another id: a batch": ("track batch_abc", "is a batch ID, not a job ID."),
    "another id: a word": ("track modelfactory", NO_ID),
    "typo: a slip": ("cancle ftjob-abc", "Did you mean `cancel`?"),
    "typo: another": ("stats", "Did you mean `status`?"),
    "typo: nothing like it": ("xyzzyplugh", "Unknown command `xyzzyplugh`. See `/ftjob help`"),
    "typo: a verb that nobody types": ("confirm_cancel x", "Unknown command"),
    "typo: another that nobody types": ("retry 7", "Unknown command"),
    "cancel: no id": ("cancel", "Which job?"),
    "cancel: all": ("cancel all", TWO_JOBS_MORE),
    "cancel: a star": ("cancel *", TWO_JOBS_MORE),
    "cancel: two ids": ("cancel ftjob-a ftjob-b", TWO_JOBS_MORE),
    "cancel: yes": ("cancel ftjob-abc --yes", "each needs its own confirmation"),
    "cancel: f": ("cancel ftjob-abc -f", "each needs its own confirmation"),
    "cancel: force": ("cancel ftjob-abc --force", "each needs its own confirmation"),
    "no id to track": ("track me", "Which job?"),
    "a channel by its name": ("track ftjob-abc in #general", "I couldn't find the channel `#general`."),
    "a person for a channel": ("track ftjob-abc in <@U1>", "I couldn't find the channel"),
    "no id to untrack": ("untrack", "Which job?"),
    "all and one": ("untrack all ftjob-a", "`all` isn't a job ID."),
    "too long a list": ("list 26", "a number up to 25"),
    "an empty list": ("list 0", "a number up to 25"),
    "a negative list": ("list -1", "a number up to 25"),
    "zeros before a length": ("list 0000000012345", "a number up to 25"),
    "a length of 5000 digits": ("list 000000001" + "0" * 5000, "a number up to 25"),
    "digits of another script": ("list \u0665", "a number up to 25"),
    "half a pair": ("list team=", "Use a status, `model:`, `account:`, `key=value`,"),
    "the other half": ("list =search", "Use a status, `model:`, `account:`, `key=value`,"),
    "seventeen pairs": ("list " + " ".join(f"k{n}=v" for n in range(17)), "Use up to 16 `key=value` pairs."),
    "help about nothing known": ("help sttus", "Did you mean `status`?"),
    **{
        f"{verb} and more": (f"{verb} x", f"`{verb}` doesn't take")
        for verb in ("tracked", "subscriptions", "outbox", "about")
    },
    "a subscription to no status": (
        "subscribe faild",
        "I didn't understand `faild`. Did you mean `failed`? Use a status, `model:`, `account:`,",
    ),
    "a subscription to no model": ("subscribe model:", "I didn't understand `model:`"),
    "a subscription to two models": ("subscribe model:gpt-4o model:gpt-5", "I didn't understand `model:gpt-5`"),
    "a subscription to half a pair": ("subscribe team=", "I didn't understand `team=`"),
    "a subscription to a novel": ("subscribe " + " ".join(f"k{n}={'v' * 200}" for n in range(9)), "Too many filters"),
    "a word that no subscription has": (
        "unsubscribe faild",
        "I didn't understand `faild`. Did you mean `failed`? Use `all`, a number, or a subscription's filter",
    ),
    "two to unsubscribe": ("unsubscribe 1 2", "`2` isn't a subscription number."),
    "a mute of nothing": ("mute", "Which job (or `all`), and for how long?"),
    "a mute without end": ("mute all", "Which job (or `all`), and for how long?"),
    "a mute of two": ("mute ftjob-a ftjob-b 2h", "Which job (or `all`), and for how long?"),
    "a mute of a word": ("mute everything 2h", "`everything` isn't a job ID."),
    "a mute of weeks": ("mute all 2w", "`2w` isn't a duration like 30m, 2h, or 1d."),
    "a mute of no time": ("mute all 0m", "`0m` isn't a duration"),
    "a mute of a time of another script": ("mute all \u0665m", "isn't a duration"),
    "a mute of eight days": ("mute all 8d", "You can mute for up to 7 days."),
    "a mute of 7 days and an hour": ("mute all 169h", "You can mute for up to 7 days."),
    "an unmute of two": ("unmute ftjob-a ftjob-b", "Name one job at a time."),
    "an unmute of a word": ("unmute everything", "`everything` isn't a job ID."),
    "no setting": ("settings loudness 11", "`loudness 11` isn't a channel setting."),
    "a setting without a value": (
        "settings size full broadcast",
        "I didn't understand `broadcast`. Try `broadcast on`, for example.",
    ),
    "a setting with another's value": (
        "settings size on",
        "I didn't understand `size on`. Try `size compact`, for example.",
    ),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_an_invalid_command_is_answered_with_what_is_wrong(text: str, expected: str) -> None:
    assert expected in refused(text)


@pytest.mark.parametrize("text", [text for text, _ in REFUSED.values()], ids=REFUSED.keys())
def test_the_error_is_short_and_harmless(text: str) -> None:
    said = refused(text)
    message = problem_message(said)

    assert len(said) <= 300
    assert [part for markup in markup_texts(message) for part in active_markup(markup)] == []
    assert invisible_characters(message) == []
    assert message_faults(message) == []


@pytest.mark.parametrize(
    "text", ["A" * 8000, "track " + "B" * 8000, "track ftjob-a in " + "C" * 8000, "list " + "D" * 999]
)
def test_at_most_sixty_characters_of_the_input_are_echoed(text: str) -> None:
    longest = max(re.findall(r"[A-D]{3,}", refused(text)), key=len)

    assert 50 < len(longest) <= 60


@pytest.mark.parametrize("verb", [verb for verb in USAGES if verb != "help"])
def test_wrong_use_of_a_verb_is_answered_with_its_own_usage_and_one_example(verb: str) -> None:
    said = refused(f"{verb} ???")

    assert said.count("/ftjob ") == 2
    assert f"Example: `/ftjob {USAGES[verb].example}`" in said


def test_input_is_shown_as_it_was_typed() -> None:
    assert "`a&amp;b&lt;!here&gt;` isn't a job ID." in refused("track a&amp;b&lt;!here&gt;")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "status \u202eftjob-abc123",
            r"`\u202eftjob-abc123` isn't a job ID. It contains U+202E RIGHT-TO-LEFT OVERRIDE,",
        ),
        (
            "status ftj\u043eb-abc123",
            r"`ftj\u043eb-abc123` isn't a job ID. It contains U+043E CYRILLIC SMALL LETTER O,",
        ),
        ("cancel ftjob-abc\u200b123", r"`ftjob-abc\u200b123` isn't a job ID. It contains U+200B ZERO WIDTH SPACE,"),
        ("track ftjob-abc123\u2066", "It contains U+2066 LEFT-TO-RIGHT ISOLATE,"),
        ("track \u202e ftjob-abc123", "It contains U+202E RIGHT-TO-LEFT OVERRIDE,"),
        ("track ftjob-\ud800", "It contains U+FFFD REPLACEMENT CHARACTER,"),
        ("track " + "7" * 129, "isn't a job ID. It's longer than 128 characters."),
    ],
)
def test_an_id_with_an_invisible_or_confusable_character_is_rejected_and_the_character_named(
    text: str, said: str
) -> None:
    assert said in refused(text)


@pytest.mark.parametrize("verb", ["track", "untrack", "cancel"])
@pytest.mark.parametrize("job_id", ["2ac5c4f1-8f2e-4f0e-9a34-0b1a9c2d7e11", "projects/7/jobs/8", "bGl0ZWxsbV9qb2I9="])
def test_an_id_of_another_form_is_passed_to_the_accounts(verb: str, job_id: str) -> None:
    assert parse(f"{verb} {job_id}", REQUESTER) == VERBS[verb].command(REQUESTER, job_ids=(job_id,))


@pytest.mark.parametrize(
    "text", ["ranker", "ranker v7", "ranker-v7", "\u05d3\u05d2\u05dd", "\U0001f680", "all", "2ac5c4f1-8f2e-4f0e"]
)
def test_status_takes_what_is_no_openai_id_for_a_name(text: str) -> None:
    assert parse(f"status {text}", REQUESTER) == StatusCommand(REQUESTER, words=tuple(text.split()))


@pytest.mark.parametrize(
    "text", ["???", "file-abc123", "ft:gpt-4o:acme::x", "https://example.com/a", "ftj\u043eb-a", "<@U1>"]
)
def test_status_refuses_what_can_be_no_name(text: str) -> None:
    assert "isn't a job ID" in refused(f"status {text}") or "not a job ID" in refused(f"status {text}")


def test_the_next_page_of_a_list_begins_after_an_id_of_any_form() -> None:
    command = parse("list all 10 after:projects/7/jobs/8.a", REQUESTER)

    assert isinstance(command, ListCommand)
    assert command.after == "projects/7/jobs/8.a"


def test_a_likely_verb_is_never_run_by_guess() -> None:
    for text in ("cance ftjob-abc", "cancell ftjob-abc", "CANCLE ftjob-abc", "ancel ftjob-abc"):
        assert "Did you mean `cancel`?" in refused(text)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "form", ["{}", "status {}", "track x in {}", "list team={}", "help {}", "`{}`", "cancel ftjob-a {}"]
)
def test_a_pasted_secret_is_not_repeated_and_the_reply_says_to_revoke_it(secret: str, form: str) -> None:
    said = refused(form.format(secret))
    assert "looks like a secret" in said
    assert "revoke it now" in said
    assert [core for core in CORES if core in said] == []


@pytest.mark.parametrize(
    "text", ["status xo\u200bxb-h1dd3nh1dd3n", "status \u2066sk-h1dd3nh1dd3n", "&lt;sk-h1dd3nh1dd3n&gt;"]
)
def test_a_secret_with_invisible_characters_is_not_repeated(text: str) -> None:
    assert "h1dd3n" not in refused(text)


PIECES = [*USAGES, *(usage.example for usage in USAGES.values()), "in", "me", "all", "*", "<#C1|x>", "5", "k=v", JOB]
typed = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=8).map(" ".join)


def outcome(text: str) -> Command | str:
    try:
        return parse(text, REQUESTER)
    except UserError as error:
        return str(error)


@given(typed | st.text())
@example("list " + "0" * 5000 + "1")
@example("track in <#C1|x>")
@example("\x00")
def test_any_text_is_a_command_or_an_error(text: str) -> None:
    match outcome(text):
        case str(said):
            assert len(said) <= 300
            assert [part for markup in markup_texts(problem_message(said)) for part in active_markup(markup)] == []
        case command:
            assert command.requester == REQUESTER
            assert VERBS[command.verb].usage
            assert all(is_valid_id(job_id) and job_id in text for job_id in command.job_ids)


ids = st.from_regex(r"ft(job)?[-_][A-Za-z0-9_-]{1,64}", fullmatch=True)


@example(["ftjob-abc_", "ftjob-_", "ft_-"], "status")
@given(st.lists(ids, min_size=1, max_size=5, unique=True), st.sampled_from(["status", "track", "untrack"]))
def test_ids_are_never_altered(written: list[str], verb: str) -> None:
    assert parse(f"{verb} {' '.join(written)}", REQUESTER).job_ids == tuple(written)


@pytest.mark.parametrize(
    "text",
    [
        "sta\u200btus ftjob-a",
        "tracked n\u200bow",
        "audit den\u200bied",
        "mute all 2\u200bh",
        "settings si\u200bze full",
    ],
)
def test_an_invisible_character_inside_a_word_is_named_at_any_position(text: str) -> None:
    assert "U+200B ZERO WIDTH SPACE" in refused(text)
