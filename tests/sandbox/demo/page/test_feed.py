"""Versions of what the page shows: a tab gets what it lacks, and the whole where nobody can tell what that is."""

import random

import pytest

from bot.sandbox.demo.page.changefeed import DELTAS_KEPT, Changefeed, PageState, diff


class World:
    """Something to look at."""

    def __init__(self) -> None:
        self.picture: PageState = {
            "jobs": {"a": {"status": "running"}, "b": {"status": "queued"}},
            "facts": {"speed": 1.0},
        }
        self.feed = Changefeed(lambda: {kind: dict(records) for kind, records in self.picture.items()})

    def set(self, kind: str, key: str, record: object) -> None:
        self.picture[kind] = self.picture[kind] | {key: record}

    def drop(self, kind: str, key: str) -> None:
        self.picture[kind] = {name: record for name, record in self.picture[kind].items() if name != key}


class Tab:
    """What a tab knows, and how it keeps that up."""

    def __init__(self) -> None:
        self.version = ""
        self.known: PageState = {}

    def catch_up(self, world: World) -> bool:
        """Take over what is new; return whether it was the whole."""
        update = world.feed.since(self.version)
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


def test_a_new_tab_gets_the_whole_and_then_only_what_changes() -> None:
    world, tab = World(), Tab()
    assert tab.catch_up(world)
    assert tab.known == world.picture
    world.set("jobs", "b", {"status": "running"})
    assert world.feed.since(tab.version)["changes"] == {"jobs": {"b": {"status": "running"}}}
    world.drop("jobs", "a")
    assert world.feed.since(tab.version)["changes"] == {"jobs": {"b": {"status": "running"}, "a": None}}
    assert not tab.catch_up(world)
    assert tab.known == world.picture


def test_where_nothing_changes_there_is_no_new_version() -> None:
    world, tab = World(), Tab()
    tab.catch_up(world)
    before = tab.version
    assert world.feed.since(before) == {"version": before, "whole": False, "changes": {}}
    world.set("facts", "speed", 1.0)
    assert world.feed.version() == before


@pytest.mark.parametrize("known", ["", "0", "-", "x-1", "x-٣", "-1", "9" * 5000, "\x00"])
def test_a_version_that_nobody_knows_gets_the_whole(known: str) -> None:
    world = World()
    world.feed.version()
    assert world.feed.since(known)["whole"]
    run, _, number = world.feed.version().partition("-")
    for other in (f"{run}-{int(number) + 1}", f"{run}-0{number}", f"{number}-{run}"):
        assert world.feed.since(other)["whole"], other


def test_a_tab_of_another_run_of_the_server_gets_the_whole() -> None:
    first, second, tab = World(), World(), Tab()
    tab.catch_up(first)
    assert tab.catch_up(second)
    assert tab.known == second.picture


def test_a_tab_that_slept_for_long_gets_the_whole_and_one_that_slept_a_little_the_difference() -> None:
    world, short, long = World(), Tab(), Tab()
    long.catch_up(world)
    for count in range(DELTAS_KEPT + 1):
        world.set("facts", "count", count)
        world.feed.version()
        if not count:
            short.catch_up(world)
    assert not short.catch_up(world)
    assert long.catch_up(world)
    assert short.known == long.known == world.picture


@pytest.mark.parametrize("seed", range(5))
def test_tabs_that_ask_whenever_they_like_know_the_same(seed: int) -> None:
    luck, world, tabs = random.Random(seed), World(), [Tab() for _ in range(4)]  # noqa: S311 - which moves come
    for _ in range(400):
        kind, key = luck.choice(["jobs", "facts"]), luck.choice("abcdef")
        if luck.random() < 0.3:
            world.drop(kind, key)
        else:
            world.set(kind, key, luck.randrange(3))
        luck.choice(tabs).catch_up(world)
    for tab in tabs:
        tab.catch_up(world)
        assert {kind: records for kind, records in tab.known.items() if records} == {
            kind: records for kind, records in world.picture.items() if records
        }


def test_a_difference_names_what_is_new_and_what_is_gone() -> None:
    assert diff({"facts": {"a": 1}}, {"facts": {}}) == {"facts": {"a": None}}
    assert diff({"facts": {}}, {"facts": {}}) == {}
    assert diff({}, {"facts": {"a": 0}}) == {"facts": {"a": 0}}
