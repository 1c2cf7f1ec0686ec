"""Post what has to stand in a channel before a command may say that it is done."""

import asyncio

from bot.commands.command import Requester
from bot.commands.context import Context
from bot.commands.error_messages import post_failed
from bot.errors import UserError
from bot.slack.errors import RATE_LIMITED
from bot.slack.messages import OutgoingMessage
from bot.slack.timeouts import CHANNEL_INTERVAL

MOST_ATTEMPTS = 3
LONGEST_PAUSE = 5.0
"""Seconds that somebody who typed a command is kept waiting for Slack's rate limit."""


async def post_card(outgoing: OutgoingMessage, requester: Requester, context: Context) -> tuple[str, str]:
    """Post one message and return the channel and the place where it stands.

    Where Slack asks for a short pause (a channel takes about one message a second, and a command may bring five
    cards), the message goes out after it: what was refused for that reason was certainly not posted.

    Raises:
        UserError: Slack did not take it; says what to do.
    """
    for _ in range(MOST_ATTEMPTS):
        answer = await context.post(outgoing)
        if answer.ts and answer.channel:
            return answer.channel, answer.ts
        pause = answer.retry_after or CHANNEL_INTERVAL
        if answer.error not in RATE_LIMITED or pause > LONGEST_PAUSE:
            break
        await asyncio.sleep(pause)
    raise UserError(post_failed(answer.error, outgoing.channel, requester))
