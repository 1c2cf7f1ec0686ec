"""Older pages by the ID of the last item, whatever cursors an API has: each item comes exactly once."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from bot.providers.pages.paging import MAX_WALK, FetchPage, merged, page_after, walk


def whole(items: list[int]) -> FetchPage[int]:
    async def fetch(_cursor: str | None) -> tuple[list[int], str | None]:
        return items, None

    return fetch


def by_token(items: list[int], size: int) -> FetchPage[int]:
    async def fetch(cursor: str | None) -> tuple[list[int], str | None]:
        start = int(cursor or 0)
        end = start + size
        return items[start:end], str(end) if end < len(items) else None

    return fetch


async def read_all(fetch: Callable[[], FetchPage[int]], limit: int) -> list[int]:
    seen: list[int] = []
    has_more, after = True, None
    while has_more:
        page, has_more = await page_after(walk(fetch()), after, limit, id_of=str)
        assert len(page) == limit or not has_more
        seen += page
        after = str(page[-1]) if page else None
    return seen


@given(st.integers(0, 60), st.integers(1, 25), st.integers(2, 20))
async def test_every_item_of_a_list_comes_once(count: int, limit: int, size: int) -> None:
    items = list(range(count, 0, -1))
    assert await read_all(lambda: whole(items), limit) == items
    assert await read_all(lambda: by_token(items, size), limit) == items


@given(st.lists(st.lists(st.integers(0, 1000), unique=True, max_size=30), min_size=1, max_size=3), st.integers(1, 9))
async def test_several_lists_come_as_one_newest_first(lists: list[list[int]], size: int) -> None:
    ordered = [sorted(each, reverse=True) for each in lists]
    streams = [walk(by_token(each, size)) for each in ordered]
    found = [item async for item in merged(streams, time=float)]
    assert found == sorted((item for each in lists for item in each), reverse=True)


async def test_a_list_that_never_ends_is_left_after_some_pages() -> None:
    asked = []

    async def endless(cursor: str | None) -> tuple[list[int], str | None]:
        asked.append(cursor)
        return [len(asked)], str(len(asked))

    assert len([item async for item in walk(endless)]) == MAX_WALK


async def test_what_is_behind_an_unknown_item_is_nothing() -> None:
    assert await page_after(walk(whole([3, 2, 1])), "9", 2, id_of=str) == ([], False)
