"""Response URLs: Slack accepts five replies to one command or click within half an hour.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import time
from collections.abc import Callable
from typing import Any

import aiohttp
import structlog

from bot.commands.command import Reply
from bot.net.connection_errors import never_sent
from bot.net.retry_after import parse_retry_after
from bot.slack.errors import header_values
from bot.slack.issued_urls import IssuedUrls
from bot.slack.messages import content_of
from bot.slack.reply_outcomes import ReplyOutcome, outcome_of_status
from bot.telemetry import metrics

log = structlog.get_logger()


class ResponseUrls:
    """Posts to response URLs of Slack, and to no other URL."""

    def __init__(
        self,
        urls: IssuedUrls,
        *,
        back_off: Callable[[float | None], None],
    ) -> None:
        """Store the collaborators; ``back_off`` receives the seconds of a ``Retry-After`` header."""
        self._urls = urls
        self._back_off = back_off

    async def post(self, url: str, reply: Reply) -> ReplyOutcome:
        """Post a reply to a response URL, once."""
        if not self._urls.accepts(url):
            metrics.REJECTED_RESPONSE_URLS.inc()
            log.warning("response_url.blocked")
            return ReplyOutcome.FAILED
        try:
            async with self._urls.post(url, json=_body(reply)) as response:
                status, body = response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("response_url.failed", error=type(error).__name__)
            if isinstance(error, aiohttp.InvalidURL):
                return ReplyOutcome.FAILED
            if never_sent(error) or isinstance(error, aiohttp.ClientHttpProxyError):
                return ReplyOutcome.RETRYABLE
            return ReplyOutcome.REPEATABLE if reply.replaces else ReplyOutcome.UNCONFIRMED
        if status != 200:  # noqa: PLR2004
            log.info("response_url.rejected", status=status, body=body[:80])
            self._back_off(parse_retry_after(header_values(response, "Retry-After"), now=time.time()))
        sent = outcome_of_status(status)
        return ReplyOutcome.REPEATABLE if sent is ReplyOutcome.UNCONFIRMED and reply.replaces else sent


def _body(reply: Reply) -> dict[str, Any]:
    return {
        **content_of(reply.message),
        "response_type": "in_channel" if reply.public else "ephemeral",
        "replace_original": reply.replaces,
        "unfurl_links": False,
        "unfurl_media": False,
    }
