"""Read what somebody typed after ``/ftjob``. Pure; an input that does not fit gets the usage of its verb."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest

from rapidfuzz import fuzz, process

from bot.blocks.parts import code_span, strip_invisible
from bot.commands.command import Command, Requester, Verb
from bot.commands.filters import MOST_LISTED, read_account, read_filter, read_rows, read_time, stands_alone, visible
from bot.commands.tokenizer import EMPTY, as_typed, split, unescaped, unusual_character
from bot.commands.usage import ALIASES, USAGE, usage_error
from bot.errors import UserError
from bot.jobs.ids import (
    MAX_ID_LENGTH,
    first_invalid_character,
    is_job_id,
    other_id_kind,
    parse_foreign_id,
    parse_job_id,
)
from bot.jobs.statuses import ANY_STATUS
from bot.telemetry.redaction import holds_secret
from bot.text import REPLACEMENT_CHARACTER, printable

MOST_IDS = 5
SETTINGS = {
    ("broadcast", "on"): ("broadcast", True),
    ("broadcast", "off"): ("broadcast", False),
    ("size", "compact"): ("compact", True),
    ("size", "full"): ("compact", False),
    ("alerts", "failures"): ("failures_only", True),
    ("alerts", "all"): ("failures_only", False),
}
"""What can be chosen for a channel, and as what the store has it."""
_COUNTS = frozenset(map(str, range(1, MOST_LISTED + 1)))
WHICH_JOB = "Which job?"
_LONGEST_ECHO = 60
_CLOSE_ENOUGH = 60
_AND = ("and", "&amp;", "&")
_SHORTEST_ALONE = 12
"""Characters of an id of unknown shape that is taken for one without a verb before it."""
_LONE = re.compile("[\ud800-\udfff]")
_TURNING = frozenset("LRE RLE LRO RLO PDF LRI RLI FSI PDI".split())
"""The bidirectional controls (Unicode, UAX 9)."""

REVOKE = (
    "That looks like a secret, such as a token or a key. I neither repeat nor keep it, but it has left your hands: "
    "revoke it now, where it was made."
)
"""The answer to a secret."""

_AFTER = re.compile(r"after:(?P<id>[A-Za-z0-9_-][!#-%(-;=?-_a-{}~]{0,127})", re.ASCII)
_CHANNEL = re.compile(r"<#(?P<id>[CGD][A-Z0-9]+)(?:\|[^>]*)?>")

_Reader = Callable[[Verb, list[str], Requester], Command]
_VERBS = {verb.value: verb for verb in USAGE} | ALIASES
_SPELLED = [word for word in _VERBS if word.isalpha()]


def parse(text: str, requester: Requester) -> Command:
    """Return the command that ``text`` is; nothing typed is a call for help, a bare job id one for its status.

    Raises:
        UserError: it is none; says what would be.
    """
    text = _LONE.sub(REPLACEMENT_CHARACTER, text)
    if holds_secret(strip_invisible(unescaped(text))):
        raise UserError(REVOKE)
    words = [word for word in map(_trimmed, split(text, stands_alone)) if word]
    if not words:
        return Command(Verb.HELP, requester)
    if _is_id_alone(words[0]):
        words.insert(0, Verb.STATUS)
    verb, rest = _verb(words[0]), words[1:]
    between = range(1, len(rest) - 1)
    return _READERS[verb](
        verb, [w for n, w in enumerate(rest) if n not in between or w.casefold() not in _AND], requester
    )


def _trimmed(word: str) -> str:
    """Drop what a copied text brings along: a space of no width or a byte-order mark at the ends, and words of no sign.

    Anything else that is not seen stays, and is named: it may turn the line around.
    """
    is_empty = all(unicodedata.category(each) in ("Cc", "Cf") and not _turns(each) for each in word)
    return "" if is_empty else word.strip(EMPTY)


def _turns(character: str) -> bool:
    return unicodedata.bidirectional(character) in _TURNING


def _is_id_alone(word: str) -> bool:
    return parse_job_id(word) is not None or (
        len(word) >= _SHORTEST_ALONE and any(map(str.isdigit, word)) and parse_foreign_id(word) is not None
    )


def _verb(word: str) -> Verb:
    folded = unicodedata.normalize("NFKC", word).casefold()
    if folded in _VERBS:
        return _VERBS[folded]
    nearest = process.extractOne(folded, _SPELLED, scorer=fuzz.ratio, score_cutoff=_CLOSE_ENOUGH)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    raise UserError(
        f"I do not know {_echo(word)}.{unusual_character(as_typed(word))}{hint} `/ftjob help` shows what I know."
    )


def _bare(verb: Verb, words: list[str], asker: Requester) -> Command:
    if words:
        raise usage_error(
            verb, f"`{verb}` takes nothing more, not {_echo(words[0])}.{unusual_character(as_typed(words[0]))}"
        )
    return Command(verb, asker)


def _help(verb: Verb, words: list[str], asker: Requester) -> Command:
    if len(words) > 1:
        raise usage_error(verb, f"One verb at a time, not {_echo(words[1])} as well.")
    return Command(verb, asker, topic=_verb(words[0]) if words else None)


def _status(verb: Verb, words: list[str], asker: Requester) -> Command:
    # Without an id the answer offers the jobs that the channel tracks.
    return Command(verb, asker, job_ids=_ids(verb, words) if words else ())


def _order(verb: Verb, words: list[str], asker: Requester) -> Command:
    if len(words) > 1 or (words and words[0].casefold() in ("all", "*")):
        raise usage_error(verb, "One job at a time; the question that follows cannot be skipped.")
    return Command(verb, asker, job_ids=_ids(verb, words))


def _one(verb: Verb, words: list[str], asker: Requester) -> Command:
    if len(words) > 1:
        raise usage_error(verb, "One job at a time.")
    return Command(verb, asker, job_ids=_ids(verb, words))


def _untrack(verb: Verb, words: list[str], asker: Requester) -> Command:
    if [word.casefold() for word in words] == ["all"]:
        return Command(verb, asker, everything=True)
    return Command(verb, asker, job_ids=_ids(verb, words))


def _track(verb: Verb, words: list[str], asker: Requester) -> Command:
    to = None
    if words and words[-1].casefold() == "me":
        words, to = words[:-1], "me"
    elif len(words) > 1 and words[-2].casefold() == "in":
        channel = _CHANNEL.fullmatch(words[-1])
        if channel is None:
            raise usage_error(verb, f"{_echo(words[-1])} is not a channel that I can see.")
        words, to = words[:-2], channel["id"]
    return Command(verb, asker, job_ids=_ids(verb, words), to=to)


def _events(verb: Verb, words: list[str], asker: Requester) -> Command:
    words, after = _after(words)
    most = int(words.pop()) if words and words[-1] in _COUNTS else None
    if len(words) > 1:
        raise usage_error(verb, f"{_echo(words[-1])} is no number up to {MOST_LISTED}.")
    return Command(verb, asker, job_ids=_ids(verb, words), limit=most, after=after)


def _paged(read: _Reader) -> _Reader:
    """Return a reader of what another one reads, with what the page that is asked for comes after."""

    def paged(verb: Verb, words: list[str], asker: Requester) -> Command:
        words, after = _after(words)
        return replace(read(verb, words, asker), after=after)

    return paged


def _after(words: list[str]) -> tuple[list[str], str | None]:
    """Return the words without the last one, if that says after what to go on, and after what."""
    found = _AFTER.fullmatch(words[-1]) if words else None
    return (words[:-1], found["id"]) if found else (words, None)


def _of_account(verb: Verb, words: list[str], asker: Requester) -> Command:
    words, account = read_account(verb, words)
    return replace(_bare(verb, words, asker), account=account)


def _list(verb: Verb, words: list[str], asker: Requester) -> Command:
    words, account = read_account(verb, words)
    words, after = _after(words)
    counts = list(dict.fromkeys(word for word in words if word in _COUNTS))
    if len(counts) > 1:
        raise usage_error(verb, f"One number is enough, not {_echo(counts[0])} and {_echo(counts[1])}.")
    wanted = read_filter(verb, [word for word in words if word not in _COUNTS], asker.person)
    most = int(counts[0]) if counts else None
    return Command(verb, asker, filter=wanted, limit=most, after=after, account=account)


def _subscribe(verb: Verb, words: list[str], asker: Requester) -> Command:
    words, account = read_account(verb, words)
    return Command(verb, asker, filter=read_filter(verb, words, asker.person), account=account)


def _unsubscribe(verb: Verb, words: list[str], asker: Requester) -> Command:
    words, account = read_account(verb, words)
    if [word.casefold() for word in words] == [ANY_STATUS]:
        return Command(verb, asker, everything=True, account=account)
    if len(words) == 1 and words[0].removeprefix("#") in _COUNTS and account is None:
        return Command(verb, asker, nth=int(words[0].removeprefix("#")))
    if numbers := [word for word in words if word.removeprefix("#").isdigit()]:
        raise usage_error(verb, f"{_echo(numbers[-1])} is no number of a subscription.")
    return Command(verb, asker, filter=read_filter(verb, words, asker.person), account=account)


def _mute(verb: Verb, words: list[str], asker: Requester) -> Command:
    if len(words) != 2:  # noqa: PLR2004
        raise usage_error(verb, "One job, or `all`, and for how long.")
    seconds = read_time(verb, as_typed(words[1]))
    if words[0].casefold() == "all":
        return Command(verb, asker, everything=True, seconds=seconds)
    return Command(verb, asker, job_ids=_ids(verb, words[:1]), seconds=seconds)


def _unmute(verb: Verb, words: list[str], asker: Requester) -> Command:
    if not words or [word.casefold() for word in words] == ["all"]:
        return Command(verb, asker, everything=True)
    return _one(verb, words, asker)


def _settings(verb: Verb, words: list[str], asker: Requester) -> Command:
    folded = [word.casefold() for word in words]
    chosen: dict[str, bool] = {}
    for name, value in zip_longest(folded[::2], folded[1::2], fillvalue=""):
        if (name, value) not in SETTINGS:
            both = f"{name} {value}".strip()
            raise usage_error(verb, f"{_echo(both)} is no setting of a channel.{unusual_character(as_typed(both))}")
        setting, is_so = SETTINGS[name, value]
        if chosen.setdefault(setting, is_so) != is_so:
            raise usage_error(verb, f"{_echo(name)} can't be both at once.")
    return Command(verb, asker, changes=tuple(chosen.items()))


def _audit(verb: Verb, words: list[str], asker: Requester) -> Command:
    words, after = _after(words)
    return replace(Command(verb, asker, after=after), **read_rows(verb, words, after))


def _ids(verb: Verb, words: list[str]) -> tuple[str, ...]:
    if not words:
        raise usage_error(verb, WHICH_JOB)
    if len(words) > MOST_IDS:
        raise usage_error(verb, f"At most {MOST_IDS} jobs at a time.")
    return tuple(dict.fromkeys(_id(verb, word) for word in words))


def _id(verb: Verb, word: str) -> str:
    # Help writes <id>, so some type the brackets, too.
    bare_id = word.removeprefix("&lt;").removesuffix("&gt;")
    if job_id := bare_id if is_job_id(bare_id) else parse_job_id(word):
        return job_id
    if other := other_id_kind(word):
        raise usage_error(verb, f"{_echo(word)} is {other}, not a job id.")
    if strange := first_invalid_character(as_typed(word)):
        shown = code_span(printable(as_typed(word).encode("ascii", "backslashreplace").decode()), _LONGEST_ECHO)
        raise usage_error(verb, f"{shown} is not a job id. It holds {strange}, which no id has.")
    if foreign := parse_foreign_id(as_typed(word) if _is_linked(word) else word):
        return foreign
    length = f" It is longer than {MAX_ID_LENGTH} characters." if len(word) > MAX_ID_LENGTH else ""
    raise usage_error(verb, f"{_echo(word)} is not a job id.{length}")


def _echo(word: str) -> str:
    return code_span(visible(as_typed(word)), _LONGEST_ECHO)


def _is_linked(word: str) -> bool:
    """Whether Slack made a link of an address: no person, channel or group is a job's id."""
    return re.match("<(?![@#!])", word) is not None


_READERS: dict[Verb, _Reader] = {
    Verb.HELP: _help,
    Verb.STATUS: _status,
    Verb.LIST: _list,
    Verb.TRACK: _track,
    Verb.UNTRACK: _untrack,
    Verb.TRACKED: _paged(_bare),
    Verb.SUBSCRIBE: _subscribe,
    Verb.SUBSCRIPTIONS: _bare,
    Verb.UNSUBSCRIBE: _unsubscribe,
    Verb.MUTE: _mute,
    Verb.UNMUTE: _unmute,
    Verb.SETTINGS: _settings,
    Verb.EVENTS: _events,
    Verb.CHECKPOINTS: _paged(_one),
    Verb.CURVES: _one,
    Verb.CANCEL: _order,
    Verb.PAUSE: _order,
    Verb.RESUME: _order,
    Verb.CREATE: _of_account,
    Verb.MODELS: _paged(_of_account),
    Verb.OUTBOX: _bare,
    Verb.AUDIT: _audit,
    Verb.ABOUT: _bare,
}
