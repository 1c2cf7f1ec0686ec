"""A sign of life for whoever watches the watcher: an address is asked once a minute while all is well, and not else.

That is what tells people that the bot cannot: a service that waits for the sign (Healthchecks and the like) alarms when
it stays away. https://healthchecks.io/docs/http_api/
"""

import asyncio
from collections.abc import Callable

import aiohttp
import structlog
from pydantic import SecretStr

from bot.net.proxies import DIRECT, Proxies

INTERVAL = 60.0
TIMEOUT = 10.0
"""Seconds until one sign is given up."""

log = structlog.get_logger()


async def send_heartbeats(
    url: SecretStr, broken_parts: Callable[[], list[str]], proxies: Proxies = DIRECT, *, interval: float = INTERVAL
) -> None:
    """Give a sign each ``every`` seconds while ``broken_parts()`` is empty, until it is cancelled.

    The address may hold a token, so it is never logged.
    """
    works, proxy = True, proxies.url_for(url.get_secret_value())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
        while True:
            if not broken_parts():
                worked = await _ping(session, url, proxy)
                if worked != works:
                    log.info("heartbeat.taken_again") if worked else log.warning("heartbeat.not_taken")
                works = worked
            await asyncio.sleep(interval)


async def _ping(session: aiohttp.ClientSession, url: SecretStr, proxy: str | None) -> bool:
    try:
        async with session.get(url.get_secret_value(), proxy=proxy, allow_redirects=False) as answer:
            # A redirect is not followed, so whoever waits behind it has heard nothing.
            return 200 <= answer.status < 300  # noqa: PLR2004 - the range is what HTTP calls success
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False
