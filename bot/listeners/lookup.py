"""Lookup of the person behind a request, once the bot knows its own workspace."""

from collections.abc import Callable

from bot.slack.client import SlackClient
from bot.slack.directory.members import Person, UnknownReason
from bot.slack.identity import BotIdentity


class PersonLookup:
    """Looks up people in Slack's directory, relative to the bot's own workspace."""

    def __init__(self, slack: SlackClient, identity: Callable[[], BotIdentity | None]) -> None:
        self._slack = slack
        self._identity = identity

    def bot_identity(self) -> BotIdentity | None:
        """Return the bot's user and team id, or None until ``auth.test`` returned both."""
        identity = self._identity()
        return identity if identity and identity.team_id and identity.user_id else None

    async def look_up(
        self, person_id: str, *, check_groups: bool = False, fresh: bool = False
    ) -> Person | UnknownReason:
        """Return a person's account, or ``STARTING`` until the bot's own workspace is known."""
        us = self.bot_identity()
        if us is None:
            return UnknownReason.STARTING
        return await self._slack.users.look_up(person_id, us.workspace, check_groups=check_groups, fresh=fresh)
