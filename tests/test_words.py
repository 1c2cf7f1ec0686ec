"""The code says the field's words: none of the project's former private names is left as a name.

Looked at are identifiers, log events, metrics, failpoints, tables, columns and the names of files, in ``bot`` and ``tests``.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store.db.schema import metadata
from tests.test_shape import BOT, ROOT, TESTS, name_of, tree_of

FORMER = {
    "poll": "sweep sweeps sweeper sweepers sweeping swept lookout lookouts looker watcher watchers",
    "deprecation": "almanac retirement retirements",
    "backoff, jitter": "cadence luck",
    "PollBudget, RateLimit, Tuning, DeliveryTimeouts": "allowance rhythm pace patience",
    "circuit breaker: opened, closed": "healed",
    "enqueue, pending": "owe owed owes owing",
    "lookup": "sought sight sights",
    "PostResult, RetryDecision": "verdict verdicts",
    "unconfirmed": "doubt doubts ambiguous",
    "queue depth, MuteExpiry, CurveUploader": "tally unmuter illustrator",
    "MessageKind, snapshot": "picture pictures",
    "JobLinks, RenderContext, render": "surroundings drawing drawings",
    "stalled": "stuck standstill standstills",
    "requester": "asker askers",
    "superseded": "overtaken",
    "rate limit": "flood floods flooded",
    "events, checkpoints": "deeper",
    "external user": "stranger strangers",
    "connection": "presence",
    "SlackClient": "gateway",
    "unhandled, duplicate": "unheard echo",
    "route, reply target": "door doors",
    "bot_process, environment, self_test, demo": "crew tour visit",
    "scenarios, UserActions, Collection, request log, fault controls": "lives hands shelf ledger troubles",
    "cluster, fault schedule, log capture, load generator, inbox": "town weather ears typist mailbox",
}
"""The field's words, and the former ones that no name may hold as a part."""

FORMER_NAMES = {
    "poll": "swept look looks",
    "PollResult, FetchedJob": "Seen Reading",
    "NewDelivery, PreparedMessage, OutgoingMessage": "Planned Ready Outgoing",
    "complete, release": "settle give_back",
    "LookupResult, AfterLookup": "Sought Sight Next after_look",
    "PostResult": "Answer",
    "record_event, correct, reconcile": "hear _set_right _catch_up",
    "apply_post_result": "mind",
    "CardUpdater, DeliveryWorker": "Editor Sender",
    "CardState, DigestLine": "Present Told",
    "AccountStatus, StoreOrigin": "Standing Story start_afresh leave_alone",
    "restore": "put_back",
    "advisory lock": "one_at_a_time",
    "execute, submit, conflicting": "carry_out rival",
    "confirmation": "Asked",
    "selected_accounts, all_accounts, for_account": "meant everywhere",
    "LimitKind, Limited, Allowed": "Bound Wait Admitted",
    "DenialReason, Permission, authorize": "Why Need may",
    "ignored": "Idle",
    "failpoint": "crash_point",
    "rate-limited log": "Sampled",
    "Users": "People",
}
"""The field's words, and the former names: as whole identifiers."""

GENERIC = {
    "response, reply, PostResult": "answer answers answered ask asks asked",
    "action": "orders",
    "confirmation": "question questions",
    "duration, claimed": "taken",
    "position, channel, project": "place places placed",
    "alerts, notified": "told",
    "channel_lock, slot": "turn turns",
    "selected_accounts, display_name": "meant named",
    "current, generation": "present wanted",
    "render": "draw drawn",
    "side effects": "mind",
    "complete, close": "settle settles settled",
    "missing": "gone",
    "again": "anew",
    "account status, store origin": "standing story",
    "head": "heads",
    "links": "around",
    "delay, remaining": "rest rested",
}
"""The field's words, and ordinary ones that said too much: no name in ``bot`` holds them as a part."""
GENERIC_NAMES = {
    "queue_heads": "one head for each queue",
}
"""Names that may, and why."""

FORMER_FILES = (
    "sweep lookout retirement circuit cadence trouble stuck doubt orders question flood deeper look locate posting problems "
    "gate refused presence people crash sampled addresses credentials door retry draw editor illustrator consequences insist "
    "pictures standstills undelivered crew stage tour visit lives ledger town weather ears typist mailbox pasted post_office"
).split()
"""Former names of modules, of their tests and of folders."""

LEFT: dict[str, dict[str, str]] = {
    "the field's own word": {
        "bot/commands/arguments.py": "echo",  # of what was typed, in an error
        "bot/jobs/progress.py": "MAX_PACE _pace pace",  # seconds a step, as runners say it; a key of stored JSON
        "bot/providers/http/decode.py": "AMBIGUOUS Ambiguous",  # JSON that two parsers may read differently
        "tests/listeners/test_http.py": "AMBIGUOUS",  # HTTP that two servers may read differently
    },
    "a key of the configuration file, which stays": {
        "bot/settings/file.py": "stuck",
    },
}
"""Former names that are left, with the reason: file -> names. Take away what you rename."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_WORDS = {word for words in FORMER.values() for word in words.split()}
_GENERIC = {word for words in GENERIC.values() for word in words.split()}
_NAMES = {name for names in FORMER_NAMES.values() for name in names.split()}
_SENTENCES = {"may", "looks"}
"""Former names that are plain English in the name of a test."""
_CATALOG = re.compile(r"[a-z]\d+")
_LOG = {"debug", "info", "warning", "error", "exception", "critical"}
CODE = [path for path in [*BOT, *TESTS] if "versions" not in path.parts and path.name != "test_words.py"]
"""Every module but migrations, which are history."""


def is_former(name: str) -> bool:
    return name in _NAMES or any(part.lower() in _WORDS for part in _PARTS.findall(name))


def is_generic(name: str) -> bool:
    return name not in GENERIC_NAMES and any(part.lower() in _GENERIC for part in _PARTS.findall(name))


def former_in_sentence(name: str) -> set[str]:
    """Return the former words in the name of a test; "look up" is the field's."""
    words = set(name.replace("look_up", "").split("_"))
    compound = {each for each in _NAMES if "_" in each.strip("_") and f"_{each.strip('_')}_" in f"{name}_"}
    return compound | (words & (_WORDS | _NAMES) - _SENTENCES)


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield each identifier that a module defines, but the names of tests, which are sentences."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                continue
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name


def named_tests(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                yield name


def said(tree: ast.Module) -> Iterator[str]:
    """Yield the name of each log event, failpoint and metric in a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr=method), args=[ast.Constant(value=str(text)), *_]) if method in _LOG:
                yield text
            case ast.Call(func=ast.Name(id="RateLimitedLog" | "failpoint"), args=[ast.Constant(value=str(text)), *_]):
                yield text
            case ast.Call(
                func=ast.Name(id="Counter" | "Gauge" | "Histogram"), args=[ast.Constant(value=str(text)), *_]
            ):
                yield text


def listed() -> dict[str, set[str]]:
    """Return the names that are listed as left, by file."""
    return {file: set(names.split()) for files in LEFT.values() for file, names in files.items()}


def left(names: dict[Path, set[str]]) -> dict[str, list[str]]:
    """Return the former names in each file that are not listed as left there."""
    allowed = listed()
    found = {name_of(path): sorted(each - set(allowed.get(name_of(path), ()))) for path, each in names.items()}
    return {file: each for file, each in found.items() if each}


def test_no_identifier_is_a_former_name() -> None:
    assert left({path: {name for name in defined(tree_of(path)) if is_former(name)} for path in CODE}) == {}


def test_no_name_is_listed_as_left_that_is_gone() -> None:
    names = {name_of(path): set(defined(tree_of(path))) for path in CODE}
    stale = {file: each - names.get(file, set()) for file, each in listed().items()}
    assert {file: each for file, each in stale.items() if each} == {}


def test_no_name_in_the_bot_is_a_generic_word() -> None:
    names = {name_of(path): set(filter(is_generic, defined(tree_of(path)))) for path in BOT if path in CODE}
    assert {file: each for file, each in names.items() if each} == {}


def test_no_test_is_named_in_former_words() -> None:
    names = [name for path in TESTS for name in named_tests(tree_of(path))]
    assert len(names) > 1000
    assert {name: words for name in names if (words := former_in_sentence(name))} == {}


def test_no_test_has_a_catalog_number_in_its_name() -> None:
    names = [name for path in TESTS for name in named_tests(tree_of(path))]
    assert [name for name in names if any(map(_CATALOG.fullmatch, name.split("_")))] == []


def test_no_log_event_failpoint_or_metric_has_a_former_name() -> None:
    names = {path: {text for text in said(tree_of(path)) if is_former(text)} for path in BOT}
    assert sum(len(list(said(tree_of(path)))) for path in BOT) > 100
    assert left(names) == {}


def test_no_table_or_column_has_a_former_name() -> None:
    names = {name for table in metadata.tables.values() for name in (table.name, *table.columns.keys())}
    assert left({ROOT / "bot/store/db/schema.py": set(filter(is_former, names))}) == {}


def test_no_file_or_folder_has_a_former_name() -> None:
    names = {part.removesuffix(".py").removeprefix("test_") for path in CODE for part in path.relative_to(ROOT).parts}
    assert names & set(FORMER_FILES) == set()


@pytest.mark.parametrize("name", ["sweeper", "_Sweeper", "is_in_doubt", "LONGEST_PATIENCE", "carry_out", "Idle"])
def test_a_former_name_is_recognized(name: str) -> None:
    assert is_former(name)


@pytest.mark.parametrize("name", ["test_what_is_owed_is_sent", "test_a_look_under_way", "test_it_is_put_back"])
def test_a_former_word_in_the_name_of_a_test_is_recognized(name: str) -> None:
    assert former_in_sentence(name)
    assert not former_in_sentence("test_who_may_look_up_what_looks_like_a_key")


def test_a_generic_word_is_recognized() -> None:
    assert [name for name in ("drawn", "_no_answer", "queue_heads", "backoff") if is_generic(name)] == [
        "drawn",
        "_no_answer",
    ]
