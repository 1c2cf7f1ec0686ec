"""Event-loop lag: how late timers fire, because blocking code delays every task."""

import asyncio

from bot.telemetry.metrics import LOOP_LAG

_STEP = 0.1
_STEPS = 10


async def measure_loop_lag() -> None:
    """Set the gauge to the worst lag of each second, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        worst = 0.0
        for _ in range(_STEPS):
            due = loop.time() + _STEP
            await asyncio.sleep(_STEP)
            worst = max(worst, loop.time() - due)
        LOOP_LAG.set(worst)
