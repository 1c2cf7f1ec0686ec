"""The one door to Slack's Web API and to response URLs.

The SDK's own retries are off: one of them posts a message twice when the connection dies after Slack took it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.parts import Block
from bot.blocks.view import View
from bot.net.proxies import DIRECT, Proxies
from bot.slack.clock import SlackClock
from bot.slack.errors import RECIPIENT_UNVERIFIED, to_post_result
from bot.slack.files import Files
from bot.slack.lookups import find_message
from bot.slack.members import Workspace
from bot.slack.messages import FileUpload, Lookup, LookupResult, OutgoingMessage, PostResult, content_of
from bot.slack.reply_outcomes import ReplyOutcome, outcome_of_result
from bot.slack.shared_channels import SharedChannels
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.slack.users import Users
from bot.slack.views import Views
from bot.store.db.engine import Clock, monotonic_time
from bot.store.outbox.dead_letters import LOST_ACCESS

CALL_TIMEOUT = 10.0
"""Seconds until any other call than a post is given up."""
EVENT_TYPE = "ftjob_alert"
"""The type of the metadata by which a message of ours is recognised."""
RESPONSE_ORIGIN = "https://hooks.slack.com"

log = structlog.get_logger()


@dataclass(frozen=True)
class BotIdentity:
    """Who the bot is, as Slack sees it."""

    team_id: str
    team: str
    bot_id: str
    user_id: str
    scopes: frozenset[str]
    enterprise_id: str | None = None
    """The organization of an Enterprise Grid that the workspace belongs to."""

    @property
    def workspace(self) -> Workspace:
        """Our workspace."""
        return Workspace(self.team_id, self.enterprise_id)


class SlackClient:
    """Speaks to Slack."""

    def __init__(
        self,
        web: AsyncWebClient,
        session: aiohttp.ClientSession,
        response_origins: frozenset[str],
        channels: SharedChannels,
        *,
        users: Users,
        timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS,
        proxies: Proxies = DIRECT,
    ) -> None:
        self.web = web
        self.users = users
        self.session = session
        self.response_urls = tuple(f"{origin}/" for origin in response_origins)
        """How an address begins at which Slack takes an answer."""
        self._channels = channels
        self._files = Files(web, session, self.response_urls, proxies)
        self.views = Views(web)
        self._timeouts = timeouts
        self._identity: BotIdentity | None = None
        self._clock = SlackClock()

    async def identity(self) -> BotIdentity:
        """Ask Slack who the bot is.

        Raises:
            SlackApiError: Slack refused the token.
            OSError, TimeoutError, aiohttp.ClientError: Slack cannot be reached.
        """
        response = await self.web.auth_test()
        self._clock.observe(response.headers)
        header = response.headers.get("x-oauth-scopes", "")
        enterprise_id = response.get("enterprise_id")
        self._identity = BotIdentity(
            team_id=str(response.get("team_id") or ""),
            enterprise_id=enterprise_id if isinstance(enterprise_id, str) else None,
            team=str(response.get("team", "")),
            bot_id=str(response.get("bot_id", "")),
            user_id=str(response.get("user_id", "")),
            scopes=frozenset(scope.strip() for scope in header.split(",") if scope.strip()),
        )
        return self._identity

    async def post(self, outgoing: OutgoingMessage) -> PostResult:
        """Post one message, once, and say how that ended. It never raises for what Slack does."""
        ends = asyncio.get_running_loop().time() + self._timeouts.timeout
        if refused := await self.posting_error(outgoing.channel, outgoing.person):
            return PostResult(error=refused)
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
        """Let a message of ours say something else, and say how that ended. It never raises for what Slack does."""
        ends = asyncio.get_running_loop().time() + self._timeouts.timeout
        if refused := await self.posting_error(outgoing.channel, outgoing.person):
            return PostResult(error=refused)
        arguments = {"channel": outgoing.channel, "ts": ts, **content_of(outgoing.message), "parse": "none"}
        return await self._write("chat.update", arguments, ends)

    async def _write(self, method: str, arguments: dict[str, Any], ends: float) -> PostResult:
        try:
            async with asyncio.timeout_at(ends):
                response = await self.web.api_call(method, json=arguments)
            ts, channel = response.get("ts"), response.get("channel")
        except SlackApiError as error:
            return to_post_result(error)
        except aiohttp.ClientConnectorError:
            return PostResult(error="unreachable")
        except TimeoutError:
            return PostResult(error="timeout", maybe_posted=True)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            log.warning("slack.broken_answer", error=f"{type(error).__name__}: {error}")
            return PostResult(error="broken_answer", maybe_posted=True)
        # An edit is harmless wherever it went; a post has to be where it is looked for.
        is_there = isinstance(channel, str) and (
            method == "chat.update" or _is_same_channel(arguments["channel"], channel)
        )
        if not isinstance(ts, str) or not is_there:
            return PostResult(error="broken_answer", maybe_posted=True)
        return PostResult(ts=ts, channel=channel)

    async def publish_home(self, person: str, view: Block) -> None:
        """Show somebody their Home tab. It never raises for what Slack does: it is drawn anew when it is opened again."""
        await self.views.publish(person, view)

    async def upload(self, upload: FileUpload) -> str | None:
        """Upload a picture for a message to show; return Slack's id of it, None where that did not work."""
        return await self._files.upload(upload)

    async def posting_error(self, channel: str, person: str | None = None) -> str | None:
        """Return why nothing may be told in a channel, or to a ``person`` ("": nobody knows to whom); None where it may."""
        try:
            async with asyncio.timeout(self._timeouts.timeout / 2):
                return await self._channels.posting_error(channel) or await self._lost_access(person)
        except TimeoutError:
            return "unreachable" if person is None else RECIPIENT_UNVERIFIED

    async def _lost_access(self, person: str | None) -> str | None:
        """Return why nothing may be sent to a person, None where it may: it is no more than what they may read."""
        if not person:
            return None if person is None else LOST_ACCESS
        try:
            known = self._identity or await self.identity()
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            log.info("direct_messages.wait", error=type(error).__name__)
            return RECIPIENT_UNVERIFIED
        return await self.users.lost_access(person, known.workspace)

    async def now(self) -> float:
        """Return the time of day by Slack's clock, as well as it is known."""
        return await self._clock.now(self.identity, seconds=self._timeouts.lookup)

    async def find(self, lookup: Lookup) -> LookupResult:
        """Look whether a message arrived. It never raises for what Slack does."""
        try:
            async with asyncio.timeout(self._timeouts.lookup):
                known = self._identity or await self.identity()
                return await find_message(self.web, lookup, known.bot_id)
        except SlackApiError as error:
            return LookupResult(error=to_post_result(error).error)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            return LookupResult(error=type(error).__name__)

    async def open_view(self, trigger_id: str, view: View) -> str | None:
        """Open a window for whoever acted and return its id, None where that did not work. It never raises."""
        return await self.views.open(trigger_id, view)

    async def is_reachable(self) -> bool:
        """Ask Slack what does no harm, and return whether it answers."""
        try:
            async with asyncio.timeout(self._timeouts.timeout):
                await self.identity()
        except SlackApiError as error:
            return (
                outcome_of_result(to_post_result(error)) is ReplyOutcome.FAILED
            )  # it refuses the token, which a response URL does without
        except Exception:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            return False
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
    """Open the client: one session for every call, closed at the end.

    Args:
        token: the bot token.
        api_url: where the Web API is, without a slash at the end.
        operators: user ids, and ids of user groups whose members are looked up.
        allow_shared: whether channels that are shared with another company are told anything.
        timeouts: how long to wait for what.
        proxies: through which proxy each address is asked.
        monotonic: a clock that only runs forward.
    """
    timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT)
    # Without a limit no call waits for a connection: a post that timed out in that queue would pass for a doubtful one.
    connector = aiohttp.TCPConnector(limit=0)
    # Not trust_env: aiohttp would look into the environment twice for each call, in a thread.
    watch = aiohttp.TraceConfig()
    watch.on_request_redirect.append(_reject_redirect)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trace_configs=[watch]) as session:
        base_url = f"{api_url}/"
        web = AsyncWebClient(
            token=token, base_url=base_url, session=session, timeout=int(CALL_TIMEOUT), retry_handlers=[]
        )
        # Set afterwards: where the SDK is handed none, it looks for one itself, and knows nothing of NO_PROXY.
        web.proxy = proxies.url_for(base_url)
        api = urlsplit(base_url)
        origins = frozenset({RESPONSE_ORIGIN, f"{api.scheme}://{api.netloc}"})
        channels = SharedChannels(web, monotonic, allow_shared=allow_shared)
        users = Users(web, operators, monotonic)
        yield SlackClient(web, session, origins, channels, users=users, timeouts=timeouts, proxies=proxies)


async def _reject_redirect(_session: Any, _context: Any, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """Stop where the SDK would send a message, and perhaps the token, to wherever an answer points."""
    redirect.response.close()
    raise aiohttp.ClientPayloadError("The answer was a redirect.")


def _is_same_channel(requested: str, accepted: str) -> bool:
    """Whether the channel that took a message is the one that was asked; a person's is a direct message."""
    return accepted == requested or (requested[:1] in ("U", "W") and accepted.startswith("D"))
