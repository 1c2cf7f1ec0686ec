"""One language for what `list` shows, what `subscribe` waits for and what `unsubscribe` ends."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.blocks.parts import escape
from bot.commands.filters import written
from bot.commands.list import ListCommand
from bot.commands.registry import parse
from bot.commands.subscribe import SubscribeCommand
from bot.commands.unsubscribe import UnsubscribeCommand
from bot.jobs.filters import MATCH_ALL, Filter
from bot.jobs.statuses import STATUS_WORDS
from tests.commands.typed import REQUESTER, refused

ENDS = ("cancelled", "failed", "succeeded")
VERBS = ["list", "subscribe", "unsubscribe"]


def read(text: str) -> ListCommand | SubscribeCommand | UnsubscribeCommand:
    command = parse(text, REQUESTER)
    assert isinstance(command, (ListCommand, SubscribeCommand, UnsubscribeCommand))
    return command


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("failed succeeded", Filter(("failed", "succeeded"))),
        ("failed, succeeded", Filter(("failed", "succeeded"))),
        ("running", Filter(("running",))),
        ("queued and paused", Filter(("paused", "queued"))),
        ("canceled", Filter(("cancelled",))),
        ("Cancelled", Filter(("cancelled",))),
        ("completed", Filter(("succeeded",))),
        ("complete", Filter(("succeeded",))),
        ("finished", Filter(ENDS)),
        ("done", Filter(ENDS)),
        ("active", Filter(("active",))),
        ("open", Filter(("active",))),
        ("canceling", Filter(("cancelling",))),
        ("validating-files", Filter(("validating_files",))),
        ("JOB_STATE_RUNNING", Filter(("running",))),
        ("all failed", Filter(("failed",))),
        ("mine", Filter(owner=REQUESTER.person)),
        ("team='vision'", Filter(metadata=(("team", "vision"),))),
        ("team=\u201cbig vision\u201d", Filter(metadata=(("team", "big vision"),))),
        ("team=a team=a", Filter(metadata=(("team", "a"),))),
        ("team==vision", Filter(metadata=(("team", "vision"),))),
        ("team=='big vision' failed", Filter(("failed",), metadata=(("team", "big vision"),))),
        ("team:=vision", Filter(metadata=(("team", "vision"),))),
        ("team=R&amp;D;failed", Filter(("failed",), metadata=(("team", "R&D"),))),
        ("team=R&amp;failed", Filter(metadata=(("team", "R&failed"),))),
        ("status=approved", Filter(metadata=(("status", "approved"),))),
        ("mine slack_user=<@U0OLIVIA>", Filter((), None, (("slack_user", "U0OLIVIA"),), REQUESTER.person)),
        ("model:\u00abgpt-4o*\u00bb", Filter(model="gpt-4o*")),
        ("model:meta-llama/Llama-3*", Filter(model="meta-llama/Llama-3*")),
        (
            "'failed', `mine`; model:gpt-4o* (team=x).",
            Filter(("failed",), "gpt-4o*", (("team", "x"),), REQUESTER.person),
        ),
    ],
)
def test_every_verb_parses_filters_alike(verb: str, typed: str, wanted: Filter) -> None:
    assert read(f"{verb} {typed}").filter == wanted


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("word", STATUS_WORDS)
def test_every_verb_knows_every_state(verb: str, word: str) -> None:
    assert read(f"{verb} {word}").filter.statuses or word == "all"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("faild", "I didn't understand `faild`"),
        ("faild", "Did you mean `failed`?"),
        ("failed qued", "I didn't understand `qued`"),
        ("status:failed", "Did you mean `failed`?"),
        ("state=failed", "Did you mean `failed`?"),
        ("team:vision", "Did you mean `team=vision`?"),
        ("models:gpt-4o", "Did you mean `model:gpt-4o`?"),
        ("failed|succeeded", "I didn't understand `failed|succeeded`"),
        ("team=", "I didn't understand `team=`"),
        ("team=a team=b", "A job has only one value for `team`"),
        ("model:a model:b", "I didn't understand `model:b`"),
        ("account:a account:b", "Use only one `account:`."),
        ("account:", "`account:` isn't a valid account name"),
        ("note=a\u202eb", r"`note=a\u202eb` contains U+202E RIGHT-TO-LEFT OVERRIDE, which is invisible."),
        ("no\u200bte=a", r"`no\u200bte=a` contains U+200B ZERO WIDTH SPACE"),
        ("model:gpt\x00", "contains U+0000"),
        ("fai\u2066led", r"I didn't understand `fai\u2066led`"),
        ("fai\u2066led", "It contains an unexpected character: U+2066 LEFT-TO-RIGHT ISOLATE. Retype it."),
        ("st\u00adatus", "It contains an unexpected character: U+00AD SOFT HYPHEN. Retype it."),
        ("f\u0430iled", "It contains an unexpected character: U+0430 CYRILLIC SMALL LETTER A. Retype it."),
        ("team!=vision", "`team!=vision` isn't supported"),
        ("team!='big vision'", "`team!=big vision` isn't supported"),
        ("!team=vision", "`!team=vision` isn't supported"),
        ("-team=vision", "`-team=vision` isn't supported"),
        ("epochs&gt;=3", "`epochs&gt;=3` isn't supported"),
        ("model=gpt-4o", "Did you mean `model:gpt-4o`?"),
        ("MODEL='gpt-4o*'", "Did you mean `model:gpt-4o*`?"),
        ("status=faild", "Did you mean `failed`?"),
        ("state=suceeded", "Did you mean `succeeded`?"),
        ("model:!gpt-4o", "I didn't understand `model:!gpt-4o`"),
        ("model:gpt-4o;failed", "I didn't understand `model:gpt-4o;failed`"),
        ("mine slack_user=<@U0MILO>", "A job has only one value for `slack_user`"),
    ],
)
def test_an_unknown_word_or_an_impossible_value_is_named(verb: str, typed: str, said: str) -> None:
    assert said in refused(f"{verb} {typed}")
    assert len(refused(f"{verb} {typed}")) <= 300


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("list 5 10", "not `5` and `10`"),
        ("audit denied done", "`done` is an extra value"),
        ("audit <@U0MILO> <@U0OLIVIA>", "`U0OLIVIA` is an extra value"),
        ("settings size full size compact", "Give only one value for `size`."),
        ("help track list", "Leave out `list`"),
    ],
)
def test_a_second_value_is_rejected_where_one_is_accepted(typed: str, said: str) -> None:
    assert said in refused(typed)


names = st.text("abcdefghij-_.XYZ\u00fc\u4e2d", min_size=1, max_size=20).filter(str.isalpha)
values = st.text("ab .,:;!'&<>|*_~()[]=\u00fc\u4e2d", min_size=1, max_size=20)
filters = st.builds(
    Filter,
    st.lists(st.sampled_from(["active", "queued", *ENDS]), unique=True).map(sorted).map(tuple),
    st.none() | st.from_regex(r"[a-z][a-z0-9-]{0,20}\*?", fullmatch=True),
    st.dictionaries(names, values, max_size=4).map(lambda pairs: tuple(sorted(pairs.items()))),
    st.sampled_from([None, REQUESTER.person]),
)


@given(filters, st.sampled_from([None, "research"]))
@example(Filter(metadata=(("note", "<: >"),)), None)
def test_a_filter_is_written_as_it_can_be_typed(wanted: Filter, account: str | None) -> None:
    command = read(f"list {escape(written(wanted, account))}")

    assert (command.filter, command.account) == (wanted, account)
    assert written(MATCH_ALL) == ""
