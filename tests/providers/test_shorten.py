"""Long texts are left out of JSON while it arrives, and nothing else is, wherever the pieces are cut."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.providers.http.shorten import KEPT, Shortener
from bot.telemetry.redaction import MAX_TEXT_LENGTH

KEEP = 40

texts = st.text(st.sampled_from('ab "\\/\n\u00e9\u4e2d\U0001f600\x07'), max_size=300)
values = st.recursive(
    texts | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


def shortened(document: bytes, *, piece: int, kept: int = KEEP) -> bytes:
    shortener = Shortener(kept)
    return b"".join(shortener.feed(document[at : at + piece]) for at in range(0, len(document), piece))


def _is_beginning(short: Any, whole: Any) -> bool:
    """Whether a document is another one with the ends of long texts left out."""
    match whole:
        case str():
            return isinstance(short, str) and whole.startswith(short) and (short == whole or len(short) >= KEEP / 12)
        case list():
            return len(short) == len(whole) and all(map(_is_beginning, short, whole))
        case dict():
            # Two long names may begin alike; the values of the others are compared.
            return all(any(name.startswith(each) for name in whole) for each in short)
    return bool(short == whole)


@given(values, st.integers(1, 50), st.booleans())
def test_the_result_is_the_same_document_with_shorter_texts(value: Any, piece: int, escaped: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    document = json.dumps(value, ensure_ascii=escaped).encode()

    assert _is_beginning(json.loads(shortened(document, piece=piece)), value)


@given(values, st.integers(1, 50))
def test_short_texts_are_unchanged(value: Any, piece: int) -> None:
    document = json.dumps(value).encode()

    assert shortened(document, piece=piece, kept=len(document)) == document


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\U0001f600", "\n", '"', "\\", "line\n"])
@pytest.mark.parametrize("escaped", [False, True])
def test_as_much_of_a_text_is_kept_as_anything_uses(letter: str, *, escaped: bool) -> None:
    whole = letter * 300_000
    document = json.dumps({"source": whole, "id": "ftjob-1"}, ensure_ascii=escaped).encode()

    left = json.loads(shortened(document, piece=65_536, kept=KEPT))

    assert left["id"] == "ftjob-1"
    assert left["source"][:MAX_TEXT_LENGTH] == whole[:MAX_TEXT_LENGTH]


def test_a_huge_text_takes_no_memory() -> None:
    shortener = Shortener()
    kept = len(shortener.feed(b'{"source": "'))
    for _ in range(1000):
        kept += len(shortener.feed(b"x" * 65_536))

    assert kept < 2 * KEPT
