"""Bot identity: what ``auth.test`` says about our token, cached after the first answer."""

from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.clock import SlackClock
from bot.slack.directory.members import Workspace


@dataclass(frozen=True)
class BotIdentity:
    """The bot as Slack sees it."""

    team_id: str
    team: str
    bot_id: str
    user_id: str
    scopes: frozenset[str]
    enterprise_id: str | None = None
    """Organization of an Enterprise Grid that the workspace belongs to."""

    @property
    def workspace(self) -> Workspace:
        """Our workspace."""
        return Workspace(self.team_id, self.enterprise_id)


class AuthTest:
    """Calls of ``auth.test``. Each one also sets Slack's clock."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._clock = SlackClock()
        self._cached: BotIdentity | None = None

    async def identity(self) -> BotIdentity:
        """Return the identity as Slack states it now.

        Raises:
            SlackApiError: Slack rejected the token.
            OSError, TimeoutError, aiohttp.ClientError: Slack is unreachable.
        """
        response = await self._client.auth_test()
        self._clock.observe(response.headers)
        header = response.headers.get("x-oauth-scopes", "")
        enterprise_id = response.get("enterprise_id")
        self._cached = BotIdentity(
            team_id=str(response.get("team_id") or ""),
            enterprise_id=enterprise_id if isinstance(enterprise_id, str) else None,
            team=str(response.get("team", "")),
            bot_id=str(response.get("bot_id", "")),
            user_id=str(response.get("user_id", "")),
            scopes=frozenset(scope.strip() for scope in header.split(",") if scope.strip()),
        )
        return self._cached

    async def cached(self) -> BotIdentity:
        """Return the identity, from the cache if Slack ever stated it; errors as of ``identity``."""
        return self._cached or await self.identity()

    async def now(self, *, seconds: float) -> float:
        """Return the time by Slack's clock, or by ours if Slack doesn't state it within so many seconds."""
        return await self._clock.now(self.identity, seconds=seconds)
