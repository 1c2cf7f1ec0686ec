"""Posts a message that has to stand in a channel before a command may say that it is done."""

import asyncio

from bot.commands.command import Requester
from bot.commands.error_messages import post_failed
from bot.commands.services import Services
from bot.errors import UserError
from bot.slack.errors import RATE_LIMITED
from bot.slack.messages import OutgoingMessage
from bot.slack.timeouts import CHANNEL_INTERVAL

MAX_ATTEMPTS = 3
MAX_PAUSE = 5.0
"""Seconds that the requester is kept waiting for Slack's rate limit."""


async def post_card(outgoing: OutgoingMessage, requester: Requester, services: Services) -> tuple[str, str]:
    """Post one message and return its channel and its timestamp.

    Where Slack asks for a short pause (a channel takes about one message a second, and a command may post five
    cards), the message is posted after it: one that was rate-limited was certainly not posted.

    Raises:
        UserError: Slack did not take it; says what to do.
    """
    for _ in range(MAX_ATTEMPTS):
        result = await services.slack.post(outgoing)
        if result.ts and result.channel:
            return result.channel, result.ts
        pause = result.retry_after or CHANNEL_INTERVAL
        if result.error not in RATE_LIMITED or pause > MAX_PAUSE:
            break
        await asyncio.sleep(pause)
    error = None if result.maybe_posted else result.error
    raise UserError(post_failed(error, outgoing.channel, requester))
