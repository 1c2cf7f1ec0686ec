"""Changefeed: a tab gets the changes since its version, and the whole state if its version is unknown."""

import random

import pytest

from bot.sandbox.demo.page.changefeed import DELTAS_KEPT, Changefeed, PageState, diff


class Source:
    """A state that changes, with its changefeed."""

    def __init__(self) -> None:
        self.state: PageState = {
            "jobs": {"a": {"status": "running"}, "b": {"status": "queued"}},
            "status": {"speed": 1.0},
        }
        self.feed = Changefeed(lambda: {kind: dict(records) for kind, records in self.state.items()})

    def set(self, kind: str, key: str, record: object) -> None:
        self.state[kind] = self.state[kind] | {key: record}

    def drop(self, kind: str, key: str) -> None:
        self.state[kind] = {name: record for name, record in self.state[kind].items() if name != key}


class Tab:
    """A tab with its copy of the state."""

    def __init__(self) -> None:
        self.version = ""
        self.known: PageState = {}

    def catch_up(self, source: Source) -> bool:
        """Apply the changes; return whether they were the whole state."""
        update = source.feed.since(self.version)
        self.version = update["version"]
        if update["whole"]:
            self.known = {}
        for kind, records in update["changes"].items():
            mine = self.known.setdefault(kind, {})
            for key, record in records.items():
                if record is None:
                    mine.pop(key, None)
                else:
                    mine[key] = record
        return bool(update["whole"])


def test_a_new_tab_gets_the_whole_state_and_then_only_changes() -> None:
    source, tab = Source(), Tab()
    assert tab.catch_up(source)
    assert tab.known == source.state
    source.set("jobs", "b", {"status": "running"})
    assert source.feed.since(tab.version)["changes"] == {"jobs": {"b": {"status": "running"}}}
    source.drop("jobs", "a")
    assert source.feed.since(tab.version)["changes"] == {"jobs": {"b": {"status": "running"}, "a": None}}
    assert not tab.catch_up(source)
    assert tab.known == source.state


def test_an_unchanged_state_has_no_new_version() -> None:
    source, tab = Source(), Tab()
    tab.catch_up(source)
    before = tab.version
    assert source.feed.since(before) == {"version": before, "whole": False, "changes": {}}
    source.set("status", "speed", 1.0)
    assert source.feed.version() == before


@pytest.mark.parametrize("known", ["", "0", "-", "x-1", "x-٣", "-1", "9" * 5000, "\x00"])
def test_an_unknown_version_gets_the_whole_state(known: str) -> None:
    source = Source()
    source.feed.version()
    assert source.feed.since(known)["whole"]
    run, _, number = source.feed.version().partition("-")
    for other in (f"{run}-{int(number) + 1}", f"{run}-0{number}", f"{number}-{run}"):
        assert source.feed.since(other)["whole"], other


def test_a_tab_of_another_server_run_gets_the_whole_state() -> None:
    first, second, tab = Source(), Source(), Tab()
    tab.catch_up(first)
    assert tab.catch_up(second)
    assert tab.known == second.state


def test_a_tab_that_slept_long_gets_the_whole_state_and_one_that_slept_briefly_the_delta() -> None:
    source, short, long = Source(), Tab(), Tab()
    long.catch_up(source)
    for count in range(DELTAS_KEPT + 1):
        source.set("status", "count", count)
        source.feed.version()
        if not count:
            short.catch_up(source)
    assert not short.catch_up(source)
    assert long.catch_up(source)
    assert short.known == long.known == source.state


@pytest.mark.parametrize("seed", range(5))
def test_tabs_that_update_at_random_times_converge(seed: int) -> None:
    rng, source, tabs = random.Random(seed), Source(), [Tab() for _ in range(4)]  # noqa: S311 - test data
    for _ in range(400):
        kind, key = rng.choice(["jobs", "status"]), rng.choice("abcdef")
        if rng.random() < 0.3:
            source.drop(kind, key)
        else:
            source.set(kind, key, rng.randrange(3))
        rng.choice(tabs).catch_up(source)
    for tab in tabs:
        tab.catch_up(source)
        assert {kind: records for kind, records in tab.known.items() if records} == {
            kind: records for kind, records in source.state.items() if records
        }


def test_a_delta_holds_changed_and_removed_records() -> None:
    assert diff({"status": {"a": 1}}, {"status": {}}) == {"status": {"a": None}}
    assert diff({"status": {}}, {"status": {}}) == {}
    assert diff({}, {"status": {"a": 0}}) == {"status": {"a": 0}}
