import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.blocks.interactive import button
from bot.blocks.parts import (
    MAX_FIELD_LENGTH,
    MAX_FIELDS,
    MAX_LINES,
    channel_mention,
    code_span,
    escape,
    fallback_text,
    fields,
    format_date,
    format_duration,
    format_utc,
    plain,
    preformatted,
    safe_text,
    section,
    series,
    strip_invisible,
    truncate,
    truncate_markup,
    user_mention,
)

limits = st.integers(1, 60)
ATOMS = ["`a b`", "&lt;", "&amp;", "<@U1>", "<!date^1^{time}|then>", "x", " ", "\n"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("&amp;", "&amp;amp;"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("\"'`*_~|", "\"'`*_~|"),
    ],
)
def test_escaping_changes_only_the_three_control_characters(text: str, expected: str) -> None:
    assert escape(text) == expected


@given(st.text())
def test_escaped_text_reads_as_it_was(text: str) -> None:
    back = escape(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")

    assert back == text
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", escape(text))


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("&", 5, "&"),
        ("&", 4, "…"),
        ("<<<", 12, "<<<"),
        ("<<<", 11, "<<…"),
        ("ab<", 6, "ab<"),
        ("ab<", 5, "ab…"),
        ("", 1, ""),
    ],
)
def test_text_is_cut_by_its_length_after_escaping(text: str, longest: int, expected: str) -> None:
    assert truncate(text, longest) == expected


@given(st.text(alphabet="ab&<>"), limits)
def test_a_cut_text_fits_after_escaping_and_keeps_as_much_as_it_can(text: str, longest: int) -> None:
    result = truncate(text, longest)

    assert len(escape(result)) <= longest
    if result != text:
        assert result.endswith("…")
        assert text.startswith(result[:-1])
        assert len(escape(text[: len(result)])) + 1 > longest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00b\x1b[2Jc\x85d", "ab[2Jcd"),
        ("\u202eevil\u2066", "evil"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("one\u2028two\u2029", "onetwo"),
        ("half \ud83d of a pair \udc00", "half  of a pair "),
        ("kept\tand\nkept", "kept\tand\nkept"),
        ("gone\r\n", "gone\n"),
        ("é e\u0301 ١٢ 漢 \U0001f600", "é e\u0301 ١٢ 漢 \U0001f600"),
    ],
)
def test_invisible_characters_are_dropped(text: str, expected: str) -> None:
    assert strip_invisible(text) == expected


@given(st.text())
def test_tidy_text_has_only_visible_characters(text: str) -> None:
    left = {unicodedata.category(character) for character in strip_invisible(text) if character not in "\n\t"}

    assert not left & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert strip_invisible(strip_invisible(text)) == strip_invisible(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  two \n lines\t", "two lines"),
        ("<@U1> & co", "&lt;@U1&gt; &amp; co"),
        ("a `b` c", "a \u02cbb\u02cb c"),
        ("\u200b", ""),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_plain_text_is_one_short_safe_line(text: str, expected: str) -> None:
    assert safe_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ftjob-abc", "`ftjob-abc`"),
        ("a`b", "`a\u02cbb`"),
        ("```x```", "`\u02cb\u02cb\u02cbx\u02cb\u02cb\u02cb`"),
        ("<", "`&lt;`"),
        ("", "`?`"),
        (" \n ", "`?`"),
        ("\u200b", "`?`"),
        ("x" * 300, "`" + "x" * 199 + "…`"),
    ],
)
def test_code_is_one_closed_span(text: str, expected: str) -> None:
    assert code_span(text) == expected


@given(st.text(alphabet=st.sampled_from("a`<&> \n")), limits)
def test_nothing_escapes_a_code_span(text: str, longest: int) -> None:
    span = code_span(text, longest)

    assert re.fullmatch(r"`[^`\n<>]+`", span)
    assert len(span) <= longest + 2


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (3659, "1 h"),
        (3660, "1 h 1 min"),
        (8040, "2 h 14 min"),
        (86399, "23 h 59 min"),
        (86400, "1 d"),
        (90000, "1 d 1 h"),
        (86400 * 400, "400 d"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


@given(st.floats(0, 1e12))
def test_a_duration_is_never_longer_than_what_it_names_and_off_by_less_than_its_smaller_unit(seconds: float) -> None:
    sizes = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    words = format_duration(seconds).split()
    named = sum(int(count) * sizes[unit] for count, unit in zip(words[::2], words[1::2], strict=True))
    smaller = {"d": 3600, "h": 60, "min": 1, "s": 1}[words[1]]

    assert named <= seconds < named + smaller


def test_a_date_is_shown_in_the_readers_time_zone_with_a_fallback_text() -> None:
    assert format_utc(0) == "1970-01-01 00:00 UTC"
    assert format_date(1790000000.9) == "<!date^1790000000^{date_short_pretty} at {time}|2026-09-21 14:13 UTC>"
    assert (
        fallback_text(f"Done {format_date(0)}, or {format_date(60)}.")
        == "Done 1970-01-01 00:00 UTC, or 1970-01-01 00:01 UTC."
    )


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("U0ABC", "<@U0ABC>"),
        ("W0ABC", "<@W0ABC>"),
        ("U1> <!channel", "`U1&gt; &lt;!channel`"),
        ("!here", "`!here`"),
        ("C0ABC", "`C0ABC`"),
        ("u0abc", "`u0abc`"),
        ("U0ABC\n", "`U0ABC`"),
        ("U٣", "`U٣`"),
        ("", "`?`"),
    ],
)
def test_nothing_but_a_user_id_can_be_mentioned(person: str, expected: str) -> None:
    assert user_mention(person) == expected


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("C0ABC", "<#C0ABC>"),
        ("G0ABC", "<#G0ABC>"),
        ("D0ABC", "a direct message"),
        ("U0ABC", "<@U0ABC>"),
        ("C1> <!channel", "`C1&gt; &lt;!channel`"),
        ("C0ABC\n", "`C0ABC`"),
        ("c0abc", "`c0abc`"),
        ("", "`?`"),
    ],
)
def test_a_destination_is_a_channel_a_direct_message_or_a_user(channel: str, expected: str) -> None:
    assert channel_mention(channel) == expected


@given(st.lists(st.sampled_from(ATOMS)), limits)
@example(["`a b`"] * 20, 7)
def test_safe_markup_is_clipped_between_its_parts(atoms: list[str], longest: int) -> None:
    markup = "".join(atoms)
    clipped = truncate_markup(markup, longest)

    assert len(clipped) <= longest
    if len(markup) <= longest:
        assert clipped == markup
    else:
        whole = ["".join(atoms[:count]) for count in range(len(atoms) + 1)]
        kept = whole.index(clipped.removesuffix("…"))
        assert clipped.endswith("…")
        assert len(whole[kept + 1]) + 1 > longest, "one part more would not fit"


def test_labelled_values_come_ten_to_a_section_and_fit() -> None:
    blocks = fields([("Label", "`value` " * 400)] * 23)

    assert [len(block["fields"]) for block in blocks] == [MAX_FIELDS, MAX_FIELDS, 3]
    texts = [field["text"] for block in blocks for field in block["fields"]]
    assert max(map(len, texts)) <= MAX_FIELD_LENGTH
    assert {text.count("`") % 2 for text in texts} == {0}
    assert fields([]) == []


def test_parsed_text_never_turns_bare_names_into_links() -> None:
    assert section("@everyone #ml https://x.example")["text"]["verbatim"] is True
    assert fields([("a", "b")])[0]["fields"][0]["verbatim"] is True


def text_of(block: dict[str, object]) -> str:
    match block:
        case {"elements": [{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": str(text)}]}]}:
            return text
    raise AssertionError(block)


def test_a_box_holds_foreign_text_as_it_is() -> None:
    assert text_of(preformatted("<b> & `c`\n\tline\u202e")) == "<b> & `c`\n\tline"
    assert text_of(preformatted("")) == " "
    assert len(text_of(preformatted("x" * 4096))) == 500


def test_a_box_is_not_taller_than_a_screen() -> None:
    assert text_of(preformatted("\n".join("a" * 30))).count("\n") == MAX_LINES
    assert text_of(preformatted("\n".join("a" * MAX_LINES))).endswith("a")


def test_a_button_has_only_what_it_needs() -> None:
    assert button("Go", "ftjob_go", "v") == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Go"},
        "action_id": "ftjob_go",
        "value": "v",
    }
    told = button(
        "Go", "ftjob_go", "v", style="danger", url="https://x.example/", accessibility_label="Go\u202e " + "far " * 50
    )
    assert told["style"] == "danger"
    assert told["url"] == "https://x.example/"
    assert told["accessibility_label"].startswith("Go far ")
    assert len(told["accessibility_label"]) == 75


@pytest.mark.parametrize(
    ("items", "expected"), [([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b, or c")]
)
def test_a_series_has_commas_from_three_items_on(items: list[str], expected: str) -> None:
    assert series(items, "or") == expected


@pytest.mark.parametrize("longest", range(2, 12))
def test_an_isolate_that_is_cut_is_closed(longest: int) -> None:
    cut = truncate_markup(f"{plain('שלום עולם')} is running", longest)

    assert len(cut) <= longest
    assert cut.count("\u2068") == cut.count("\u2069")
