"""The readiness probe of a running bot, as a platform asks it."""

import asyncio

import aiohttp

from tests.stopwatch import within


class Readiness:
    """What ``/readyz`` of a bot says."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/readyz"
        self.seen: set[str] = set()
        """Every part that it named so far."""

    async def parts(self) -> list[str]:
        """Return the parts that it names now; none where it is ready."""
        async with aiohttp.ClientSession() as session, session.get(self._address) as answer:
            parts: list[str] = (await answer.json()).get("parts", [])
            assert answer.status == (503 if parts else 200)
        self.seen |= set(parts)
        return parts

    async def until(self, *, ready: bool, seconds: float) -> None:
        """Wait until it is ready, or is not."""
        async with within(seconds):
            while bool(await self.parts()) is ready:  # noqa: ASYNC110 - a probe is asked, it tells nobody
                await asyncio.sleep(0.02)
