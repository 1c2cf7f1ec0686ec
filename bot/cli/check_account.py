"""Check of one account's API: everything that the bot reads of a job, read once."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.errors import NotFound, NotSupported, ProviderError
from bot.providers.client import Client


class UnreadablePart(Exception):
    """A part of the API that cannot be read."""

    def __init__(self, what: str, error: ProviderError) -> None:
        super().__init__(what)
        self.what = what
        """Text before the error: "the log of ftjob-abc123: "; empty for the list of jobs."""
        self.error = error


async def read_as_the_bot_does(client: Client) -> str:
    """Return what was read, as one sentence: the lists of jobs and, of the newest job, all that the provider offers.

    Raises:
        UnreadablePart: the first part that could not be read.
    """
    newest = None
    for listing in client.listings:
        page = await _read(
            "" if listing is client.listings[0] else f"{listing.path}: ", client.list_jobs(listing, limit=1)
        )
        newest = newest or (page.fetched[0].snapshot.id if page.fetched else None)
    if newest is None:
        return "no jobs yet"
    parts: dict[str, Callable[[], Awaitable[Any]]] = {
        "job": lambda: client.retrieve(newest),
        "log": lambda: client.events(newest, limit=1),
        "checkpoints": lambda: client.checkpoints(newest, limit=1),
    }
    if client.has_metrics(newest):  # otherwise they are in the log and in the result file
        parts["metrics"] = lambda: client.metrics(newest)
    offered = {
        name: await _is_offered(f"{name} {newest}: " if name == "job" else f"{name} of {newest}: ", reading)
        for name, reading in parts.items()
    }
    read, lacking = ([name for name, is_read in offered.items() if is_read is each] for each in (True, False))
    found = f"latest job: {newest}; read: {', '.join(read)}"
    return f"{found}; not offered: {', '.join(lacking)}" if lacking else found


async def _is_offered(what: str, reading: Callable[[], Awaitable[Any]]) -> bool:
    try:
        await _read(what, reading())
    except UnreadablePart as failed:
        if isinstance(failed.error, NotSupported):
            return False
        if isinstance(failed.error, NotFound):  # not yet, such as metrics of a job that waits
            return True
        raise
    return True


async def _read(what: str, reading: Awaitable[Any]) -> Any:
    try:
        return await reading
    except ProviderError as error:
        raise UnreadablePart(what, error) from error
