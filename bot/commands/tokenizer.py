"""Tokenizer of typed commands: quotes, formatting and punctuation around words don't count, nor do commas between them. Pure.

Words stay as Slack escapes them, so that only what Slack resolved itself has brackets: a typed ``<#C1>`` is no channel.
``typed`` undoes that.
"""

import re
from collections.abc import Callable

from bot.blocks.parts import escape
from bot.text import character_name, invisible_character

MODEL = "model:"
ACCOUNT = "account:"
MAX_QUOTED = 600
"""Characters that quotes can hold together; a value of metadata has 512 at the most."""
_DOUBLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02\u301d\u301e\u301f\u300c\u300d\u300e\u300f"
_SINGLE = "\u2018\u2019\u201a\u201b\u2039\u203a\u2032\u00b4\uff07"
_COMMAS = "\uff0c\u3001"
_STRAIGHT = str.maketrans(dict.fromkeys(_DOUBLE, '"') | dict.fromkeys(_SINGLE, "'") | dict.fromkeys(_COMMAS, ","))
"""Quotes and commas as phones, keyboards and languages have them; one for one, so that places stay."""
QUOTES = "\"'`" + _DOUBLE + _SINGLE
EMPTY = "\u200b\u2060\ufeff"
"""What a copied text brings along at its ends: spaces of no width, and the mark of a byte order."""

_REF = r"<[^<>\s][^<>]{0,4000}>"
_AFTER = r"[\"'`*_~.;:!?)\]]*(?=[\s,]|\Z)"
_WORD = re.compile(
    rf"""
      (?P<cursor>after:\S+)
    | (?P<name>[^\s,=]+==?|"[^"=]{{1,80}}"==?|'[^'=]{{1,80}}'==?|[(\[*_~]*[a-z]+:)
      (?P<q>["'`])(?P<value>.{{1,{MAX_QUOTED}}}?)(?P=q){_AFTER}
    | [(\[*_~]*(?P<around>["'`])(?P<pair>[^\s"'`,=]+=.{{1,{MAX_QUOTED}}}?)(?P=around){_AFTER}
    | (?:{_REF}|[^\s,=])+(?P<rest>=(?:{_REF}|\S)*)? | =(?:{_REF}|\S)*
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_FORMATTING = "*_~"
_MAX_LAYERS = 12
"""Nested wrappers (brackets, quotes, formatting) that are removed from a word; each costs one pass over it."""
_STOP = re.compile(
    r"(?:[.,:!?\u2026\u3002\uff01\uff0c\uff1f\u3001]|(?<!&lt)(?<!&gt)(?<!&amp)(?<!;lt)(?<!;gt)(?<!;amp);)+$"
)
_BETWEEN = re.compile("(?<!&lt)(?<!&gt)(?<!&amp);|,")
_BRACKETS = {"(": ")", "[": "]"}
_LINK = re.compile(_REF)
_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)


def split(text: str, stands_alone: Callable[[str], bool]) -> list[str]:
    """Return the words of a typed text, bare; a value in quotes is one with its key, whatever it holds.

    ``stands_alone`` says whether a word can be one by itself: a comma without a space in a value is part of it unless
    all that comes after stands alone.
    """
    # Quotes are told by a copy in which all are straight; what is returned is the text itself.
    matches = _WORD.finditer(text.translate(_STRAIGHT))
    return [word for match in matches for word in _words(match, text, stands_alone)]


def _words(match: re.Match[str], text: str, stands_alone: Callable[[str], bool]) -> list[str]:
    def part(name: str) -> str:
        return text[slice(*match.span(name))]

    if match["cursor"]:
        return [match["cursor"]]
    if match["value"]:
        return [_key(part("name")[:-1].rstrip("=")) + part("name")[-1] + part("value")]
    if match["pair"]:
        key, _, value = part("pair").partition("=")
        return [f"{_key(key)}={unquoted(value)}"]
    word = bare(text[slice(*match.span())])
    if not match["rest"] or word.startswith("<") or "=" not in word:
        return [word]
    key, value = re.split("==?", word, maxsplit=1)
    first, *others = _BETWEEN.split(value)
    if first and others and all(map(stands_alone, map(bare, others))):
        return [f"{_key(key)}={bare(first)}", *map(bare, others)]
    return [f"{_key(key)}={bare(value)}"]


def _key(text: str) -> str:
    """Return the bare key of a pair; ``!`` at its end is no punctuation, but means another thing than ``=`` alone."""
    return bare(text) + "!" * text.endswith("!")


def bare(word: str) -> str:
    """Return a word without the quotes, formatting and punctuation around it; one of nothing else stays as it is."""
    found = word
    for _ in range(_MAX_LAYERS):
        if (inner := _peeled(found)) == found:
            break
        found = inner
    return found or word


def _peeled(word: str) -> str:
    word = word.strip(QUOTES + EMPTY)
    if len(word) > 2 and word[0] == word[-1] and word[0] in _FORMATTING:  # noqa: PLR2004 - something in between
        word = word[1:-1]
    for opening, closing in _BRACKETS.items():
        if word.startswith(opening) and (word.endswith(closing) or closing not in word):
            word = word[1:].removesuffix(closing)
        elif word.endswith(closing) and opening not in word:
            word = word[:-1]
    folded = word.casefold()
    stop = None if folded in (MODEL, ACCOUNT) else _STOP.search(word)
    # In a model's name a question mark stands for any one character.
    if stop and not (folded.startswith(MODEL) and "?" in stop[0]):
        word = word[: stop.start()]
    return word


def unquoted(text: str) -> str:
    """Return a text without the pair of quotes around it, if there is no third."""
    shape = text.translate(_STRAIGHT)
    is_pair = len(text) > 2 and shape[0] == shape[-1] and shape[0] in "\"'`"  # noqa: PLR2004 - something in between
    return text[1:-1] if is_pair and shape.count(shape[0]) == 2 else text  # noqa: PLR2004


def quoted(value: str, stands_alone: Callable[[str], bool], *, key: str = "k=") -> str:
    """Return a value as it can be typed after a key: in quotes where it needs some."""
    forms = [value, *(f"{quote}{value}{quote}" for quote in "\"'`")]
    read = [escape(f"{key}{value}"), "x"]  # as Slack hands it on
    return next((form for form in forms if split(escape(f"{key}{form} x"), stands_alone) == read), forms[1])


def as_typed(word: str) -> str:
    """Return a word as it was typed: without Slack's escapes, and without the links that it makes of addresses.

    Somebody who was mentioned is their id. A link's label counts only where it is the link's own address.
    """
    return unescaped(_LINK.sub(_unlinked, word))


def _unlinked(link: re.Match[str]) -> str:
    inside, _, label = link[0][1:-1].partition("|")
    match inside[0]:
        case "@":
            return inside[1:]
        case "#":
            return f"#{label or inside[1:]}"
        case "!":
            return label or f"@{inside[1:]}"
    return label if label and label.rstrip("/") == _ADDRESS.sub("", inside, count=1).rstrip("/") else inside


def unescaped(text: str) -> str:
    """Return what Slack sent of a command with the three characters that it escapes."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def problem_in(text: str) -> str | None:
    """Return why a typed text can't be taken as it is, as the rest of a sentence: "contains U+202E ..."; None where it can."""
    strange = invisible_character(text)
    return f"contains {strange}, which is invisible" if strange else None


def unusual_character(word: str) -> str:
    """Return a sentence that names what makes a word another than it looks like, "" where nothing does.

    That is what can't be seen, and a letter of another script among those of ours.
    """
    foreign = (character_name(each) for each in word if not each.isascii() and each.isalpha())
    strange = invisible_character(word) or (next(foreign, None) if re.search("[A-Za-z]", word) else None)
    return f" It contains an unexpected character: {strange}. Retype it." if strange else ""
