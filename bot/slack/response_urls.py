"""Response URLs: where Slack takes answers to one command or click for half an hour, five times.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

from typing import Any

import aiohttp
import structlog

from bot import metrics
from bot.commands.command import Reply
from bot.proxies import Proxies
from bot.slack.content import content_of

_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError, aiohttp.InvalidURL)
"""Errors after which nothing of a request can have arrived."""

log = structlog.get_logger()


class ResponseUrls:
    """Answers through response URLs that are Slack's, and through no other."""

    def __init__(self, session: aiohttp.ClientSession, allowed: tuple[str, ...], proxies: Proxies) -> None:
        """Take what it needs; ``allowed`` are the beginnings of Slack's own addresses."""
        self._session = session
        self._allowed = allowed
        self._proxies = proxies

    async def answer(self, url: str, reply: Reply) -> bool:
        """Answer through a response URL; return whether Slack took it or, where it fell silent, may have taken it.

        Nobody can look whether an answer arrived: where it may have, a second one would be seen beside it.
        """
        # Compared as text: two parsers of addresses may see two hosts in one.
        if not url.startswith(self._allowed):
            metrics.REFUSED_URLS.inc()
            log.warning("response_url.not_slacks")
            return False
        try:
            async with self._session.post(
                url, json=_body(reply), proxy=self._proxies.url_for(url), allow_redirects=False
            ) as response:
                status, answer = response.status, await response.text(errors="replace")
        except _NEVER_SENT as error:
            log.warning("response_url.failed", error=type(error).__name__)
            return False
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("response_url.unconfirmed", error=type(error).__name__)
            return True
        if status != 200:  # noqa: PLR2004
            log.info("response_url.refused", status=status, answer=answer[:80])
        return status == 200  # noqa: PLR2004


def _body(reply: Reply) -> dict[str, Any]:
    return {
        **content_of(reply.message),
        "response_type": "in_channel" if reply.public else "ephemeral",
        "replace_original": reply.replaces,
        "unfurl_links": False,
        "unfurl_media": False,
    }
