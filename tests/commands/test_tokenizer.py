"""What stands around and between the words that people type does not count; what they mean does."""

from time import process_time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.blocks.parts import escape
from bot.commands.command import Command
from bot.commands.filters import stands_alone
from bot.commands.help import HelpCommand
from bot.commands.list import ListCommand
from bot.commands.models import ModelsCommand
from bot.commands.mute import MuteCommand
from bot.commands.registry import USAGES, parse
from bot.commands.settings import SettingsCommand
from bot.commands.status import StatusCommand
from bot.commands.tokenizer import as_typed, bare, quoted, split
from bot.commands.track import TrackCommand
from bot.commands.untrack import UntrackCommand
from bot.errors import UserError
from bot.text import invisible_character
from tests.commands.typed import REQUESTER

JOB = "ftjob-abc123"
WRAPPERS = [
    "{}.",
    "{},",
    "{};",
    "{}!",
    "{}?",
    "{}:",
    "{}\u2026",
    "({})",
    "[{}].",
    "'{}'",
    '"{}",',
    "\u201c{}\u201d.",
    "\u201e{}\u201c",
    "\u2018{}\u2019",
    "\u00ab{}\u00bb",
    "\u2039{}\u203a",
    "\u300c{}\u300d",
    "`{}`",
    "```{}```",
    "\u00b4{}\u00b4",
    "*{}*",
    "_{}_",
    "~{}~",
    "*`{}`*,",
    "'{}",
    "{}\u201d",
    "\u200b{}\ufeff",
]


def words(text: str) -> list[str]:
    return split(text, stands_alone)


@pytest.mark.parametrize("around", WRAPPERS)
@pytest.mark.parametrize("word", [JOB, "failed", "mine", "team=search", "model:gpt-4o*", "2h"])
def test_punctuation_around_a_word_is_ignored(around: str, word: str) -> None:
    stays = "?" if (around, word) == ("{}?", "model:gpt-4o*") else ""  # there it stands for one character
    assert words(around.format(word)) == [f"{word}{stays}"]


@pytest.mark.parametrize("around", WRAPPERS)
@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("{} ftjob-abc123", StatusCommand(REQUESTER, job_ids=(JOB,))),
        ("track ftjob-abc123 {}", TrackCommand(REQUESTER, job_ids=(JOB,), to="me")),
        ("untrack {}", UntrackCommand(REQUESTER, all_jobs=True)),
        ("mute all {}", MuteCommand(REQUESTER, seconds=7200)),
        ("settings {} off", SettingsCommand(REQUESTER, changes=(("broadcast", False),))),
        ("models {}", ModelsCommand(REQUESTER, account="research")),
        ("help {}", HelpCommand(REQUESTER, usages=(USAGES["track"],))),
    ],
)
def test_punctuation_around_any_verb_or_argument_is_ignored(around: str, text: str, command: Command) -> None:
    word = {
        "{} ftjob-abc123": "status",
        "track ftjob-abc123 {}": "me",
        "untrack {}": "all",
        "mute all {}": "2h",
        "settings {} off": "broadcast",
        "models {}": "account:research",
        "help {}": "track",
    }[text]
    assert parse(text.format(around.format(word)), REQUESTER) == command


@pytest.mark.parametrize(
    "text",
    [
        "status ftjob-abc123.",
        "status <http://platform.openai.com/finetune/ftjob-abc123|platform.openai.com/finetune/ftjob-abc123>",
        "status platform.openai.com/finetune/ftjob-abc123",
        "status (see <https://platform.openai.com/finetune/ftjob-abc123|the job>).",
        "status &lt;ftjob-abc123&gt;",
        "status \u201chttps://platform.openai.com/finetune/ftjob-abc123\u201d,",
        "<http://Platform.OpenAI.com/finetune?jobId=ftjob-abc123|Platform.OpenAI.com/finetune?jobId=ftjob-abc123>!",
    ],
)
def test_an_id_is_understood_as_people_paste_it(text: str) -> None:
    assert parse(text.replace("(see ", "("), REQUESTER) == StatusCommand(REQUESTER, job_ids=(JOB,))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("failed, succeeded", ["failed", "succeeded"]),
        ("failed,succeeded ,running", ["failed", "succeeded", "running"]),
        ("team=vision,failed", ["team=vision", "failed"]),
        ("team=vision,kind=b, mine", ["team=vision", "kind=b", "mine"]),
        ("tags=a,b", ["tags=a,b"]),
        ("failed\uff0csucceeded\u3001 mine\u3002", ["failed", "succeeded", "mine"]),
        ("formula=a=b", ["formula=a=b"]),
        ("ftjob-a,ftjob-b", ["ftjob-a", "ftjob-b"]),
    ],
)
def test_commas_between_words_are_ignored(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_the_word_and_between_words_is_ignored() -> None:
    assert parse("status ftjob-a and ftjob-b &amp; ftjob-c", REQUESTER).job_ids == ("ftjob-a", "ftjob-b", "ftjob-c")
    with pytest.raises(UserError, match="I didn't understand `and`"):
        parse("list failed and", REQUESTER)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("team='big vision' failed", ["team=big vision", "failed"]),
        ("team=\u201cbig, vision\u201d, failed", ["team=big, vision", "failed"]),
        ("'team=big vision'", ["team=big vision"]),
        ("`team='big vision'`", ["team=big vision"]),
        ('"my key"=\u00aba b\u00bb', ["my key=a b"]),
        ("note='it's fine' x", ["note=it's fine", "x"]),
        ('note="done." mine', ["note=done.", "mine"]),
        ('note="*bold*"', ["note=*bold*"]),
        ("note=*bold*", ["note=bold"]),
        ('model:"gpt-4o*"', ["model:gpt-4o*"]),
        ("owner=o'brien", ["owner=o'brien"]),
        ("note='unclosed value", ["note=unclosed", "value"]),
    ],
)
def test_a_value_in_quotes_may_hold_anything(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize("word", ["???", "*", '"', ">", "~", "--", "()", "..", "-h", "ftjob-abc_", "model:", "{x}"])
def test_a_word_of_punctuation_only_is_never_dropped(word: str) -> None:
    assert bare(word) == word


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("<mailto:anna@acme.com|anna@acme.com>", "anna@acme.com"),
        ("team=<http://vision.ai|vision.ai>", "team=vision.ai"),
        ("<https://evil.example/a|ftjob-abc123>", "https://evil.example/a"),
        ("slack_user=<@U0MILO|milo>", "slack_user=U0MILO"),
        ("<#C0OPS|ops>", "#ops"),
        ("<!channel>", "@channel"),
        ("a&amp;b&lt;c&gt;", "a&b<c>"),
    ],
)
def test_slacks_formatting_of_a_word_is_undone(word: str, said: str) -> None:
    assert as_typed(word) == said


@given(st.text(min_size=1, max_size=512))
@example("big vision")
@example('he said "yes", then left.')
@example("*a* 'b' <!channel> & &amp; |")
@example("vision,failed")
def test_any_value_can_be_asked_for_in_quotes(value: str) -> None:
    assume(invisible_character(value) is None and not all(quote in value for quote in "\"'`"))
    assume(
        not set(value)
        & set("\u201c\u201d\u2018\u2019\u00ab\u00bb\u201e\u201a\u201b\u201f\u2039\u203a\u2032\u2033\u00b4")
    )
    assume(not set(value) & set("\uff02\uff07\u300c\u300d\u300e\u300f\u301d\u301e\u301f"))
    command = parse(f"list note={escape(quoted(value, stands_alone))} failed", REQUESTER)

    assert isinstance(command, ListCommand)
    assert command.filter.metadata == (("note", value),)
    assert command.filter.statuses == ("failed",)


@given(st.text() | st.text(alphabet="ab=:,;.'\"`\u201c<>|@#! *_~()[]&"))
def test_no_word_of_any_text_is_lost(text: str) -> None:
    found = words(text)

    assert all(found)
    letters = [each for each in text if each.isascii() and each.isalnum()]
    assert [each for each in "".join(found) if each.isascii() and each.isalnum()] == letters


@pytest.mark.parametrize("piece", ["(", "*", "a=\"b' ", '"a=', "<a ", ".", "a,", "`a=b "])
def test_the_time_for_a_long_text_is_linear(piece: str) -> None:
    def cost(pieces: int) -> float:
        began = process_time()
        words(piece * pieces)
        return process_time() - began

    # Where it grew with the square, eight times the text would cost 64 times as much.
    assert min(cost(4000) for _ in range(3)) <= 30 * max(min(cost(500) for _ in range(3)), 0.002)
