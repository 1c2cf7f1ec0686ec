"""Heartbeat for a dead man's switch: request a URL once a minute while every part of the bot works.

A monitoring service such as Healthchecks alerts when the heartbeat stops. https://healthchecks.io/docs/http_api/
"""

import asyncio
from collections.abc import Callable

import aiohttp
import structlog
from pydantic import SecretStr

from bot.net.proxies import DIRECT, Proxies

INTERVAL = 60.0
TIMEOUT = 10.0
"""Seconds until one request is given up."""

log = structlog.get_logger()


async def send_heartbeats(
    url: SecretStr, broken_parts: Callable[[], list[str]], proxies: Proxies = DIRECT, *, interval: float = INTERVAL
) -> None:
    """Request ``url`` every ``interval`` seconds while ``broken_parts()`` is empty, until cancelled.

    The URL may hold a token, so it is never logged.
    """
    works, proxy = True, proxies.url_for(url.get_secret_value())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
        while True:
            if not broken_parts():
                worked = await _ping(session, url, proxy)
                if worked != works:
                    log.info("heartbeat.recovered") if worked else log.warning("heartbeat.failed")
                works = worked
            await asyncio.sleep(interval)


async def _ping(session: aiohttp.ClientSession, url: SecretStr, proxy: str | None) -> bool:
    try:
        async with session.get(url.get_secret_value(), proxy=proxy, allow_redirects=False) as response:
            # Redirects are not followed, so one means that the heartbeat did not arrive.
            return 200 <= response.status < 300  # noqa: PLR2004 - the range is what HTTP calls success
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False
