"""What is no command: malformed and hostile input, and that nothing else can happen."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.blocks.replies import problem_message
from bot.commands.command import Command
from bot.commands.list import ListCommand
from bot.commands.registry import USAGES, VERBS, parse
from bot.errors import UserError
from bot.jobs.ids import is_valid_id
from tests.blocks.rendered import active_markup, invisible_characters, markup_texts, message_faults
from tests.commands.typed import REQUESTER, refused
from tests.fake_secrets import CORES, SECRETS

JOB = "ftjob-abc123"
TWO_JOBS_MORE = "One job at a time"
NO_ID = "is not a job id."

REFUSED = {
    "link: a label is not trusted": ("status <https://evil.example/ftjob-abc123|ftjob-abc123>", NO_ID),
    "link: a host that begins alike": ("status <https://platform.openai.com.evil.example/finetune/ftjob-a>", NO_ID),
    "count: fifty ids": ("status " + " ".join(f"ftjob-{n}" for n in range(50)), "At most 5 jobs at a time."),
    "prefix: nothing after the hyphen": ("status ftjob-", NO_ID),
    "path: a path": ("status ../../files/file-abc", NO_ID),
    "path: a path after an id": ("status ftjob-abc/../../models", NO_ID),
    "path: another call": ("status ftjob-abc/cancel", NO_ID),
    "path: a path of windows": ("status ftjob-abc\\..\\x", NO_ID),
    "escape: percent": ("status ftjob-abc%2F..%2Fcancel", NO_ID),
    "escape: percent zero": ("status ftjob-abc%00", NO_ID),
    "escape: a query": ("status ftjob-abc?x=1", NO_ID),
    "escape: a fragment": ("status ftjob-abc#f", NO_ID),
    "escape: a parameter": ("status ftjob-abc;a=b", NO_ID),
    "escape: too long": ("status ftjob-" + "a" * 65, NO_ID),
    "digits: digits of another script": ("status ftjob-\u0661\u0662\u0663", NO_ID),
    "emoji: emoji": ("status \U0001f600", NO_ID),
    "emoji: a family": ("status \U0001f468\u200d\U0001f469\u200d\U0001f467", NO_ID),
    "emoji: a flag": ("status \U0001f1e9\U0001f1ea", NO_ID),
    "emoji: a skin tone": ("status \U0001f44d\U0001f3fd", NO_ID),
    "control: a zero byte": ("status ftjob-a\x00b", NO_ID),
    "control: nothing but a zero byte": ("cancel \x00", "Which job?"),
    "control: a control": ("status ftjob-a\x01b", NO_ID),
    "control: a next line": ("status ftjob-a\x85b", "is not a job id."),
    "control: a line separator": ("status ftjob-a\u2028b", "is not a job id."),
    "control: a space of no width inside": ("status ftjob-a\u200bb", NO_ID),
    "letters: an id in wide letters": ("status \uff46\uff54job-abc", NO_ID),
    "letters: an id with a combining letter": ("status ftjob-e\u0301", NO_ID),
    "length: eight thousand letters": ("A" * 8000, "I do not know"),
    "length: as an id": ("status " + "A" * 8000, NO_ID),
    "length: nothing but what has to be escaped": ("status " + "&" * 8000, NO_ID),
    "broadcast: a channel": ("status <!channel>", NO_ID),
    "broadcast: here": ("status <!here>", NO_ID),
    "broadcast: everyone": ("status <!everyone>", NO_ID),
    "broadcast: a group": ("status <!subteam^S1>", NO_ID),
    "broadcast: as a verb": ("<!channel>", "I do not know"),
    "mention: a person": ("status <@U123>", NO_ID),
    "mention: a channel by id": ("status <#C123|x>", NO_ID),
    "markup: markup": ("status *b* _i_ ~s~ ```x``` > q `", "At most 5 jobs"),
    "markup: one piece of it": ("status ~s~", NO_ID),
    "markup: a fence": ("status ```x```", NO_ID),
    "SQL: sql": ("status '; DROP TABLE job;--", NO_ID),
    "template: templates": ("status {{7*7}} ${jndi:ldap://x} $(id) %s", NO_ID),
    "template: formats": ("status {0.__class__}", NO_ID),
    "newline: a forged line": ("status ftjob-a\r\nERROR forged line", "`ERROR` " + NO_ID),
    "terminal: a terminal's orders": ("status \x1b[2J\x1b]0;x\x07", NO_ID),
    "another id: a model": ("status ft:gpt-4o:org::abc", "is a model name, not a job id."),
    "another id: a file": ("status file-abc", "is a file id, not a job id."),
    "another id: a batch": ("status batch_abc", "is a batch id, not a job id."),
    "another id: a word": ("status modelfactory", NO_ID),
    "typo: a slip": ("cancle ftjob-abc", "Did you mean `cancel`?"),
    "typo: another": ("stats", "Did you mean `status`?"),
    "typo: nothing like it": ("xyzzyplugh", "I do not know `xyzzyplugh`. `/ftjob help`"),
    "typo: a verb that nobody types": ("confirm_cancel x", "I do not know"),
    "typo: another that nobody types": ("retry 7", "I do not know"),
    "cancel: no id": ("cancel", "Which job?"),
    "cancel: all": ("cancel all", TWO_JOBS_MORE),
    "cancel: a star": ("cancel *", TWO_JOBS_MORE),
    "cancel: two ids": ("cancel ftjob-a ftjob-b", TWO_JOBS_MORE),
    "cancel: yes": ("cancel ftjob-abc --yes", "cannot be skipped"),
    "cancel: f": ("cancel ftjob-abc -f", "cannot be skipped"),
    "cancel: force": ("cancel ftjob-abc --force", "cannot be skipped"),
    "no id to track": ("track me", "Which job?"),
    "a channel by its name": ("track ftjob-abc in #general", "`#general` is not a channel that I can see."),
    "a person for a channel": ("track ftjob-abc in <@U1>", "is not a channel that I can see."),
    "no id to untrack": ("untrack", "Which job?"),
    "all and one": ("untrack all ftjob-a", "`all` is not a job id."),
    "too long a list": ("list 26", "a number up to 25"),
    "an empty list": ("list 0", "a number up to 25"),
    "a negative list": ("list -1", "a number up to 25"),
    "zeros before a length": ("list 0000000012345", "a number up to 25"),
    "a length of 5000 digits": ("list 000000001" + "0" * 5000, "a number up to 25"),
    "digits of another script": ("list \u0665", "a number up to 25"),
    "half a pair": ("list team=", "nor key=value"),
    "the other half": ("list =search", "nor key=value"),
    "seventeen pairs": ("list " + " ".join(f"k{n}=v" for n in range(17)), "At most 16 pairs"),
    "help about nothing known": ("help sttus", "Did you mean `status`?"),
    **{
        f"{verb} and more": (f"{verb} x", f"`{verb}` takes nothing more")
        for verb in ("tracked", "subscriptions", "outbox", "about")
    },
    "a subscription to no status": (
        "subscribe faild",
        "`faild` is neither a status, one `model:`, key=value, `mine` nor `account:` and a name.",
    ),
    "a subscription to no model": ("subscribe model:", "`model:` is neither a status"),
    "a subscription to two models": ("subscribe model:gpt-4o model:gpt-5", "`model:gpt-5` is neither a status"),
    "a subscription to half a pair": ("subscribe team=", "`team=` is neither a status"),
    "a subscription to a novel": ("subscribe " + " ".join(f"k{n}={'v' * 200}" for n in range(9)), "too much for one"),
    "a word that no subscription has": ("unsubscribe faild", "`faild` is neither `all`, a number, nor a filter"),
    "two to unsubscribe": ("unsubscribe 1 2", "`2` is no number of a subscription."),
    "a mute of nothing": ("mute", "One job, or `all`, and for how long."),
    "a mute without end": ("mute all", "One job, or `all`, and for how long."),
    "a mute of two": ("mute ftjob-a ftjob-b 2h", "One job, or `all`, and for how long."),
    "a mute of a word": ("mute everything 2h", "`everything` is not a job id."),
    "a mute of weeks": ("mute all 2w", "`2w` is not a time such as 30m, 2h or 1d."),
    "a mute of no time": ("mute all 0m", "`0m` is not a time"),
    "a mute of a time of another script": ("mute all \u0665m", "is not a time"),
    "a mute of eight days": ("mute all 8d", "A mute lasts 7 days at the most."),
    "a mute of 7 days and an hour": ("mute all 169h", "A mute lasts 7 days at the most."),
    "an unmute of two": ("unmute ftjob-a ftjob-b", "One job at a time."),
    "an unmute of a word": ("unmute everything", "`everything` is not a job id."),
    "no setting": ("settings loudness 11", "`loudness 11` is no setting of a channel."),
    "a setting without a value": ("settings size full broadcast", "`broadcast` is no setting of a channel."),
    "a setting with another's value": ("settings size on", "`size on` is no setting of a channel."),
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
    "text", ["A" * 8000, "status " + "B" * 8000, "track ftjob-a in " + "C" * 8000, "list " + "D" * 999]
)
def test_at_most_sixty_characters_of_the_input_are_echoed(text: str) -> None:
    longest = max(re.findall(r"[A-D]{3,}", refused(text)), key=len)

    assert 50 < len(longest) <= 60


@pytest.mark.parametrize("verb", [verb for verb in USAGES if verb != "help"])
def test_wrong_use_of_a_verb_is_answered_with_its_own_usage_and_one_example(verb: str) -> None:
    said = refused(f"{verb} ???")

    assert said.count("/ftjob ") == 2
    assert f"as in `/ftjob {USAGES[verb].example}`" in said


def test_input_is_shown_as_it_was_typed() -> None:
    assert "`a&amp;b&lt;!here&gt;` is not a job id." in refused("status a&amp;b&lt;!here&gt;")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("status \u202eftjob-abc123", r"`\u202eftjob-abc123` is not a job id. It holds U+202E RIGHT-TO-LEFT OVERRIDE,"),
        ("status ftj\u043eb-abc123", r"`ftj\u043eb-abc123` is not a job id. It holds U+043E CYRILLIC SMALL LETTER O,"),
        ("cancel ftjob-abc\u200b123", r"`ftjob-abc\u200b123` is not a job id. It holds U+200B ZERO WIDTH SPACE,"),
        ("track ftjob-abc123\u2066", "It holds U+2066 LEFT-TO-RIGHT ISOLATE,"),
        ("status \u202e ftjob-abc123", "It holds U+202E RIGHT-TO-LEFT OVERRIDE,"),
        ("status ftjob-\ud800", "It holds U+FFFD REPLACEMENT CHARACTER,"),
        ("status " + "7" * 129, "is not a job id. It is longer than 128 characters."),
    ],
)
def test_an_id_with_an_invisible_or_confusable_character_is_rejected_and_the_character_named(
    text: str, said: str
) -> None:
    assert said in refused(text)


@pytest.mark.parametrize("verb", ["status", "track", "untrack", "cancel"])
@pytest.mark.parametrize("job_id", ["2ac5c4f1-8f2e-4f0e-9a34-0b1a9c2d7e11", "projects/7/jobs/8", "bGl0ZWxsbV9qb2I9="])
def test_an_id_of_another_form_is_passed_to_the_accounts(verb: str, job_id: str) -> None:
    assert parse(f"{verb} {job_id}", REQUESTER) == VERBS[verb].command(REQUESTER, job_ids=(job_id,))
    assert parse(job_id, REQUESTER).job_ids == (job_id,)


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
