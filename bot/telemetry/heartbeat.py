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

EVERY = 60.0
DEADLINE = 10.0
"""Seconds until one sign is given up."""

log = structlog.get_logger()


async def beat(
    address: SecretStr, broken_parts: Callable[[], list[str]], proxies: Proxies = DIRECT, *, every: float = EVERY
) -> None:
    """Give a sign each ``every`` seconds while ``broken_parts()`` is empty, until it is cancelled.

    The address may hold a token, so it is never logged.
    """
    works, proxy = True, proxies.url_for(address.get_secret_value())
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE)) as session:
        while True:
            if not broken_parts():
                worked = await _sign(session, address, proxy)
                if worked != works:
                    log.info("heartbeat.taken_again") if worked else log.warning("heartbeat.not_taken")
                works = worked
            await asyncio.sleep(every)


async def _sign(session: aiohttp.ClientSession, address: SecretStr, proxy: str | None) -> bool:
    try:
        async with session.get(address.get_secret_value(), proxy=proxy, allow_redirects=False) as answer:
            # A redirect is not followed, so whoever waits behind it has heard nothing.
            return 200 <= answer.status < 300  # noqa: PLR2004 - the range is what HTTP calls success
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return False
