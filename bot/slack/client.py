"""The Slack Web API client: one HTTP session for every call to Slack and to response URLs.

The SDK's own retries are off: one of them posts a message twice if the connection breaks after Slack took the request.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.parts import Block
from bot.blocks.view import View
from bot.net.proxies import DIRECT, Proxies
from bot.runtime.clock import Clock, monotonic_time
from bot.slack.call import SlackCallError, call
from bot.slack.directory.shared_channels import SharedChannels
from bot.slack.directory.users import Users
from bot.slack.errors import RECIPIENT_UNVERIFIED
from bot.slack.files import Files
from bot.slack.identity import AuthTest, BotIdentity
from bot.slack.issued_urls import IssuedUrls
from bot.slack.lookups import find_message
from bot.slack.messages import FileUpload, Lookup, LookupResult, OutgoingMessage, PostResult, content_of
from bot.slack.reply_outcomes import ReplyOutcome, outcome_of_result
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.slack.views import Views
from bot.store.outbox.dead_letters import LOST_ACCESS

CALL_TIMEOUT = 10.0
"""Timeout in seconds of every call but a post."""
EVENT_TYPE = "ftjob_alert"
"""Metadata type that marks our messages."""
RESPONSE_ORIGIN = "https://hooks.slack.com"

log = structlog.get_logger()


class SlackClient:
    """Slack Web API client of one workspace."""

    def __init__(
        self,
        web: AsyncWebClient,
        urls: IssuedUrls,
        channels: SharedChannels,
        users: Users,
        timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS,
    ) -> None:
        self.web = web
        self.users = users
        self.urls = urls
        """Response URLs."""
        self._channels = channels
        self._files = Files(web, urls)
        self.views = Views(web)
        self._timeouts = timeouts
        self._auth = AuthTest(web)

    async def identity(self) -> BotIdentity:
        """Return the bot's identity as Slack states it now.

        Raises:
            SlackApiError: Slack rejected the token.
            OSError, TimeoutError, aiohttp.ClientError: Slack is unreachable.
        """
        return await self._auth.identity()

    async def post(self, outgoing: OutgoingMessage) -> PostResult:
        """Post a message, in one attempt. Errors of Slack are results, not exceptions."""
        ends = asyncio.get_running_loop().time() + self._timeouts.timeout
        if error := await self.posting_error(outgoing.channel, outgoing.person):
            return PostResult(error=error)
        arguments: dict[str, Any] = {
            "channel": outgoing.channel,
            **content_of(outgoing.message),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"k": outgoing.key}},
            "unfurl_links": False,
            "unfurl_media": False,
            "parse": "none",
        }
        if outgoing.thread_ts:
            arguments |= {"thread_ts": outgoing.thread_ts, "reply_broadcast": outgoing.broadcast}
        return await self._write("chat.postMessage", arguments, ends)

    async def edit(self, outgoing: OutgoingMessage, ts: str) -> PostResult:
        """Update one of our messages, in one attempt. Errors of Slack are results, not exceptions."""
        ends = asyncio.get_running_loop().time() + self._timeouts.timeout
        if error := await self.posting_error(outgoing.channel, outgoing.person):
            return PostResult(error=error)
        arguments = {"channel": outgoing.channel, "ts": ts, **content_of(outgoing.message), "parse": "none"}
        return await self._write("chat.update", arguments, ends)

    async def _write(self, method: str, arguments: dict[str, Any], ends: float) -> PostResult:
        async def send() -> tuple[Any, Any]:
            response = await self.web.api_call(method, json=arguments)
            return response.get("ts"), response.get("channel")

        try:
            ts, channel = await call(send(), seconds=ends - asyncio.get_running_loop().time())
        except SlackCallError as error:
            if error.is_broken_response:
                log.warning("slack.broken_response", error=str(error))
            return error.result()
        # An update does no harm in any channel; a post must be in the one where lookups search.
        is_there = isinstance(channel, str) and (
            method == "chat.update" or _is_same_channel(arguments["channel"], channel)
        )
        if not isinstance(ts, str) or not is_there:
            return PostResult(error="broken_answer", maybe_posted=True)
        return PostResult(ts=ts, channel=channel)

    async def publish_home(self, person: str, view: Block) -> None:
        """Publish a user's Home tab. Errors are only logged: the tab is rendered again when it is opened again."""
        await self.views.publish(person, view)

    async def upload(self, upload: FileUpload) -> str | None:
        """Upload an image for use in messages. Return Slack's file id, or None if the upload failed."""
        return await self._files.upload(upload)

    async def posting_error(self, channel: str, person: str | None = None) -> str | None:
        """Return the error that forbids posting to a channel, or None if posting is allowed.

        Args:
            channel: its id, or the user's for a direct message.
            person: user whose access must be checked first: "" if unknown, None if no check is needed.
        """
        try:
            async with asyncio.timeout(self._timeouts.timeout / 2):
                return await self._channels.posting_error(channel) or await self._access_error(person)
        except TimeoutError:
            return "unreachable" if person is None else RECIPIENT_UNVERIFIED

    async def _access_error(self, person: str | None) -> str | None:
        """Return the error that forbids direct messages to a user: they get only what they are allowed to read."""
        if not person:
            return None if person is None else LOST_ACCESS
        try:
            identity = await call(self._auth.cached())
        except SlackCallError as error:
            log.info("direct_messages.deferred", error=error.reason)
            return RECIPIENT_UNVERIFIED
        return await self.users.access_error(person, identity.workspace)

    async def now(self) -> float:
        """Return the time by Slack's clock, in seconds since the epoch; by ours until Slack has stated it."""
        return await self._auth.now(seconds=self._timeouts.lookup)

    async def find(self, lookup: Lookup) -> LookupResult:
        """Look up a message that Slack did not confirm. Errors of Slack are results, not exceptions."""
        try:
            return await call(self._find(lookup), seconds=self._timeouts.lookup)
        except SlackCallError as error:
            return LookupResult(error=error.result().error)

    async def _find(self, lookup: Lookup) -> LookupResult:
        return await find_message(self.web, lookup, (await self._auth.cached()).bot_id)

    async def open_view(self, trigger_id: str, view: View) -> str | None:
        """Open a modal and return its id, or None if Slack did not open it."""
        return await self.views.open(trigger_id, view)

    async def is_reachable(self) -> bool:
        """Return whether Slack answers a harmless call."""
        try:
            await call(self.identity(), seconds=self._timeouts.timeout)
        except SlackCallError as error:
            # A rejected token is an answer, too: response URLs work without it.
            return outcome_of_result(error.result()) is ReplyOutcome.FAILED
        return True


@asynccontextmanager
async def open_client(
    token: str,
    api_url: str,
    *,
    operators: frozenset[str] = frozenset(),
    allow_shared: bool = False,
    timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS,
    proxies: Proxies = DIRECT,
    monotonic: Clock = monotonic_time,
) -> AsyncIterator[SlackClient]:
    """Open the client; its HTTP session is closed at the end.

    Args:
        token: the bot token.
        api_url: base URL of the Web API, without a trailing slash.
        operators: ids of users, and of user groups whose members are looked up.
        allow_shared: whether channels shared with another company may get messages.
        timeouts: timeouts of posts and lookups.
        proxies: proxy for each URL.
        monotonic: a monotonic clock, in seconds.
    """
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT)
    # No limit: a post that timed out while it waited for a connection would count as unconfirmed.
    connector = aiohttp.TCPConnector(limit=0)
    # Not trust_env: aiohttp would read the environment twice for each call, in a thread.
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_reject_redirect)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[trace]) as session:
        base_url = f"{api_url}/"
        web = AsyncWebClient(
            token=token, base_url=base_url, session=session, timeout=int(CALL_TIMEOUT), retry_handlers=[]
        )
        # Set afterwards: without one in its constructor the SDK picks one itself, ignoring NO_PROXY.
        web.proxy = proxies.url_for(base_url)
        api = urlsplit(base_url)
        urls = IssuedUrls(session, (f"{RESPONSE_ORIGIN}/", f"{api.scheme}://{api.netloc}/"), proxies)
        channels = SharedChannels(web, monotonic, allow_shared=allow_shared)
        users = Users(web, operators, monotonic)
        yield SlackClient(web, urls, channels, users, timeouts)


async def _reject_redirect(_session: Any, _context: Any, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """Raise on a redirect: the SDK would follow it with the message, and maybe the token."""
    redirect.response.close()
    raise aiohttp.ClientPayloadError("The response was a redirect.")


def _is_same_channel(requested: str, accepted: str) -> bool:
    """Whether Slack posted to the requested channel; for a user id, that is any direct message."""
    return accepted == requested or (requested[:1] in ("U", "W") and accepted.startswith("D"))
