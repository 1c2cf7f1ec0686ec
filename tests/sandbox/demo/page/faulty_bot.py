"""Faulty bot: it mishandles every third alert. Run as ``python faulty_bot.py FAULT run``.

An alert is a message in the thread of a job. ``swallow`` reports it as delivered and never sends it; ``double`` sends it
twice, ``repeat`` twice under different keys.
"""

import itertools
import sys
from dataclasses import replace

from bot.cli.main import main
from bot.slack.client import SlackClient
from bot.slack.messages import OutgoingMessage, PostResult

EVERY = 3

_post = SlackClient.post
_numbers = itertools.count(1)


async def _faulty(self: SlackClient, outgoing: OutgoingMessage) -> PostResult:
    if outgoing.thread_ts is None or next(_numbers) % EVERY:
        return await _post(self, outgoing)
    if _FAULT == "swallow":
        return PostResult(ts=outgoing.thread_ts, channel=outgoing.channel)
    key = outgoing.key if _FAULT == "double" else f"{outgoing.key} again"
    await _post(self, replace(outgoing, key=key))
    return await _post(self, outgoing)


if __name__ == "__main__":
    _FAULT = sys.argv.pop(1)
    SlackClient.post = _faulty  # type: ignore[method-assign]
    main()
