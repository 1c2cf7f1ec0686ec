"""Response URLs: where Slack takes answers to one command or click for half an hour, five times.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import time
from collections.abc import Callable
from typing import Any

import aiohttp
import structlog

from bot.commands.command import Reply
from bot.net.connection_errors import never_sent
from bot.net.proxies import Proxies
from bot.net.retry_after import parse
from bot.slack.attempts import Sent, of_status
from bot.slack.errors import stated
from bot.slack.messages import content_of
from bot.telemetry import metrics

log = structlog.get_logger()


class ResponseUrls:
    """Answers through response URLs that are Slack's, and through no other."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        allowed: tuple[str, ...],
        proxies: Proxies,
        *,
        rest: Callable[[float | None], None],
    ) -> None:
        """Take what it needs.

        ``allowed`` are the beginnings of Slack's own addresses; ``rest`` is told for how many seconds Slack wants peace.
        """
        self._session = session
        self._allowed = allowed
        self._proxies = proxies
        self._rest = rest

    async def answer(self, url: str, reply: Reply) -> Sent:
        """Answer through a response URL, once."""
        # Compared as text: two parsers of addresses may see two hosts in one.
        if not url.startswith(self._allowed):
            metrics.REFUSED_URLS.inc()
            log.warning("response_url.not_slacks")
            return Sent.CLOSED
        try:
            async with self._session.post(
                url, json=_body(reply), proxy=self._proxies.url_for(url), allow_redirects=False
            ) as response:
                status, answer = response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("response_url.failed", error=type(error).__name__)
            if isinstance(error, aiohttp.InvalidURL):
                return Sent.CLOSED
            if never_sent(error) or isinstance(error, aiohttp.ClientHttpProxyError):
                return Sent.REFUSED
            return Sent.AGAIN if reply.replaces else Sent.UNKNOWN
        if status != 200:  # noqa: PLR2004
            log.info("response_url.refused", status=status, answer=answer[:80])
            self._rest(parse(stated(response, "Retry-After"), now=time.time()))
        sent = of_status(status)
        return Sent.AGAIN if sent is Sent.UNKNOWN and reply.replaces else sent


def _body(reply: Reply) -> dict[str, Any]:
    return {
        **content_of(reply.message),
        "response_type": "in_channel" if reply.public else "ephemeral",
        "replace_original": reply.replaces,
        "unfurl_links": False,
        "unfurl_media": False,
    }
