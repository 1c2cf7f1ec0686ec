from typing import Any

import pytest

from bot.blocks.parts import strip_invisible
from bot.commands.actions import CancelCommand
from bot.commands.arguments import MAX_IDS
from bot.commands.filters import MAX_LISTED, MAX_PAIRS
from bot.commands.help import HelpCommand
from bot.commands.list import ListCommand
from bot.commands.mute import MuteCommand
from bot.commands.registry import ALIASES, USAGES, VERBS, parse
from bot.commands.status import StatusCommand
from bot.commands.subscribe import SubscribeCommand
from bot.commands.track import TrackCommand
from bot.commands.unmute import UnmuteCommand
from bot.commands.unsubscribe import UnsubscribeCommand
from bot.commands.untrack import UntrackCommand
from bot.errors import UserError
from bot.jobs.filters import Filter
from tests.commands.typed import REQUESTER

JOB = "ftjob-abc123"


def read(text: str) -> Any:
    return parse(text, REQUESTER)


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\u00a0\ufeff\n", "help", "?", "-h", "--help", "HELP", "Help"])
def test_no_text_and_every_word_for_help_are_help(text: str) -> None:
    assert read(text) == HelpCommand(REQUESTER, usages=tuple(USAGES.values()))


@pytest.mark.parametrize("verb", USAGES)
def test_help_can_be_asked_about_every_verb(verb: str) -> None:
    assert read(f"help {verb}") == HelpCommand(REQUESTER, usages=(USAGES[verb],))


@pytest.mark.parametrize(("alias", "verb"), ALIASES.items())
def test_every_alias_is_its_verb(alias: str, verb: str) -> None:
    needs_id = verb in ("track", "untrack")
    command = read(f"{alias} {JOB}" if needs_id else alias)

    assert command == read(f"{verb} {JOB}" if needs_id else verb)
    assert command.verb == verb
    assert read(f"help {alias}").usages in ((USAGES[verb],), tuple(USAGES.values()))


def test_every_verb_that_can_be_typed_has_its_usage() -> None:
    assert set(USAGES) == set(VERBS) - {"confirm", "dismiss", "retry", "details"}


@pytest.mark.parametrize("verb", USAGES)
def test_the_example_of_a_verb_is_a_command_with_that_verb(verb: str) -> None:
    assert read(USAGES[verb].example).verb == verb


@pytest.mark.parametrize("verb", USAGES)
def test_the_form_of_a_verb_begins_with_it(verb: str) -> None:
    assert USAGES[verb].syntax.split()[0] == verb


@pytest.mark.parametrize(
    "text",
    [
        "status ftjob-abc123",
        "STATUS ftjob-abc123",
        "\uff53\uff54\uff41\uff54\uff55\uff53 ftjob-abc123",
        "status \u00a0ftjob-abc123\u200b \t\n",
        "status \ufeffftjob-abc123\u2028",
        "status `ftjob-abc123`",
        "status 'ftjob-abc123'",
        "status “ftjob-abc123”",
        "status *ftjob-abc123*",
        "status <https://platform.openai.com/finetune/ftjob-abc123|x>",
        "status <https://platform.openai.com/finetune/ftjob-abc123>",
        "status https://platform.openai.com/finetune/ftjob-abc123?filter=all",
        "status ftjob-abc123 ftjob-abc123",
        "ftjob-abc123",
        "<https://platform.openai.com/finetune/ftjob-abc123|x>",
    ],
)
def test_one_job_can_be_written_in_many_ways(text: str) -> None:
    assert read(text) == StatusCommand(REQUESTER, job_ids=(JOB,))


@pytest.mark.parametrize("job_id", ["ftjob-a", "ftjob_abc", "ft-72a2792ef7d24ba7b82c7fe4a37e379f", "ftjob-" + "a" * 64])
def test_every_form_of_job_id_is_accepted(job_id: str) -> None:
    assert read(f"status {job_id}").job_ids == (job_id,)


def test_ids_keep_their_case_and_their_order() -> None:
    ids = ("ftjob-B2", "ftjob-a1", "ftjob-A1")

    assert read(f"status {' '.join(ids)}").job_ids == ids


def test_the_largest_number_of_ids_is_accepted() -> None:
    assert len(read("status " + " ".join(f"ftjob-{n}" for n in range(MAX_IDS))).job_ids) == MAX_IDS


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("track ftjob-abc123", None),
        ("track ftjob-abc123 me", "me"),
        ("TRACK ftjob-abc123 ME", "me"),
        ("track ftjob-abc123 in <#C0OPS|ops>", "C0OPS"),
        ("track ftjob-abc123 in <#C0OPS|>", "C0OPS"),
        ("track ftjob-abc123 IN <#C0OPS>", "C0OPS"),
    ],
)
def test_a_job_is_tracked_here_for_me_or_in_another_channel(text: str, to: str | None) -> None:
    assert read(text) == TrackCommand(REQUESTER, job_ids=(JOB,), to=to)


@pytest.mark.parametrize("text", ["untrack all", "UNTRACK ALL", "rm all"])
def test_everything_can_be_untracked(text: str) -> None:
    assert read(text) == UntrackCommand(REQUESTER, all_jobs=True)


def test_one_job_can_be_untracked() -> None:
    assert read("untrack ftjob-abc123") == UntrackCommand(REQUESTER, job_ids=(JOB,))


@pytest.mark.parametrize("word", ["all", "active", "failed", "succeeded", "cancelled"])
def test_a_list_can_be_narrowed_to_a_state(word: str) -> None:
    statuses = () if word == "all" else (word,)
    assert read(f"list {word.upper()}") == ListCommand(REQUESTER, filter=Filter(statuses))


@pytest.mark.parametrize("count", [1, 9, MAX_LISTED])
def test_a_list_can_have_a_length(count: int) -> None:
    assert read(f"list {count}") == ListCommand(REQUESTER, limit=count)


def test_a_list_can_be_narrowed_by_metadata() -> None:
    command = read("list failed 5 team=search formula=a=b")

    wanted = Filter(("failed",), metadata=(("formula", "a=b"), ("team", "search")))
    assert command == ListCommand(REQUESTER, filter=wanted, limit=5)


def test_metadata_is_unescaped_to_what_was_typed() -> None:
    wanted = read("list team=R&amp;D note=&lt;b&gt;&amp;lt;").filter
    assert wanted.metadata == (("note", "<b>&lt;"), ("team", "R&D"))


def test_typed_brackets_are_no_channel_or_link() -> None:
    for text in (
        "track ftjob-abc123 in &lt;#C0OPS|ops&gt;",
        "status &lt;https://platform.openai.com/finetune/ftjob-a&gt;",
    ):
        with pytest.raises(UserError):
            read(text)


def test_a_list_accepts_as_many_metadata_pairs_as_a_job_can_have() -> None:
    assert len(read("list " + " ".join(f"k{n}=v" for n in range(MAX_PAIRS))).filter.metadata) == MAX_PAIRS


@pytest.mark.parametrize(
    "verb", ["tracked", "subscribe", "subscriptions", "unsubscribe", "settings", "create", "about"]
)
def test_verbs_without_arguments_are_parsed(verb: str) -> None:
    assert read(verb) == VERBS[verb].command(REQUESTER)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("failed", Filter(("failed",))),
        ("Failed RUNNING failed", Filter(("failed", "running"))),
        ("canceled error", Filter(("cancelled", "failed"))),
        ("finished queued", Filter(("cancelled", "failed", "queued", "succeeded"))),
        ("model:gpt-4o*", Filter(model="gpt-4o*")),
        ("MODEL:GPT-4o", Filter(model="GPT-4o")),
        ("team=R&amp;D formula=a=b", Filter(metadata=(("formula", "a=b"), ("team", "R&D")))),
        ("mine", Filter(owner=REQUESTER.person)),
        ("Mine team=search failed", Filter(("failed",), None, (("team", "search"),), REQUESTER.person)),
    ],
)
def test_a_subscription_selects_jobs_and_changes(typed: str, wanted: Filter) -> None:
    assert read(f"subscribe {typed}") == SubscribeCommand(REQUESTER, filter=wanted)


def test_one_subscription_can_be_ended() -> None:
    assert read("unsubscribe 2") == UnsubscribeCommand(REQUESTER, number=2)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("30m", 1800), ("5min", 300), ("2h", 7200), ("1D", 86_400), ("7d", 604_800), ("168h", 604_800)],
)
def test_a_mute_has_a_time(typed: str, seconds: float) -> None:
    assert read(f"mute {JOB} {typed}") == MuteCommand(REQUESTER, job_ids=(JOB,), seconds=seconds)
    assert read(f"mute ALL {typed}") == MuteCommand(REQUESTER, seconds=seconds)


def test_a_mute_of_one_job_or_of_all_can_be_ended() -> None:
    assert read(f"unmute {JOB}") == UnmuteCommand(REQUESTER, job_ids=(JOB,))
    assert read("unmute") == read("unmute All") == UnmuteCommand(REQUESTER)


def test_settings_of_a_channel_can_be_changed_one_or_several_at_a_time() -> None:
    several = (("broadcast", False), ("full_cards", False), ("failures_only", True))

    assert read("settings Broadcast OFF size compact alerts failures").changes == several
    assert read("settings broadcast on size full alerts all").changes == tuple((name, not so) for name, so in several)
    assert read("settings size full").changes == (("full_cards", True),)


def test_one_job_can_be_cancelled() -> None:
    assert read("cancel ftjob-abc123") == CancelCommand(REQUESTER, job_ids=(JOB,))


def test_invisible_characters_are_stripped_only_from_the_ends_of_words() -> None:
    assert strip_invisible("ftjob-\u200babc") == "ftjob-abc"
    assert read("list team=\u200bsearch\u200b").filter.metadata == (("team", "search"),)
