"""Fault controls: the faults that can be switched on from the page, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.demo.oracle.delivery_counts import RECOVERY_SECONDS
from bot.sandbox.faults import Fault

HANG_SECONDS = 600.0
KEY_LOCKOUT_SECONDS = 360.0
"""Seconds that a bot may pause an API that rejected its key, with a margin: only a person can replace the key."""
_HTML = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_KEY = (
    '{"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}}'
)
_LIMIT = '{"error": {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}}'


@dataclass(frozen=True)
class FaultControl:
    """One fault that can be switched on."""

    name: str
    side: Literal["slack", "api"]
    label: str
    """Its label on the page."""
    fault: Fault
    recovery_seconds: float = RECOVERY_SECONDS
    """Seconds that the bot may wait after the fault until it retries."""


FAULT_CONTROLS = (
    FaultControl(
        "slack-429",
        "slack",
        "Slack: too many requests (429)",
        Fault("answer", status=429, headers={"Retry-After": "2"}),
    ),
    FaultControl("slack-500", "slack", "Slack: server errors (500)", Fault("answer", status=500)),
    FaultControl("slack-hang", "slack", "Slack: says nothing", Fault("hang", seconds=HANG_SECONDS)),
    FaultControl("slack-lost", "slack", "Slack: takes it, drops the answer", Fault("drop", accepted=True)),
    FaultControl(
        "api-401", "api", "API: refuses the key (401)", Fault("answer", status=401, body=_KEY), KEY_LOCKOUT_SECONDS
    ),
    FaultControl(
        "api-429",
        "api",
        "API: too many requests (429)",
        Fault("answer", status=429, headers={"Retry-After": "2"}, body=_LIMIT),
    ),
    FaultControl("api-html", "api", "API: answers with a web page", Fault("answer", status=502, body=_HTML)),
    FaultControl("api-hang", "api", "API: says nothing", Fault("hang", seconds=HANG_SECONDS)),
)


def set_fault(demo: DemoEnvironment, side: str, name: str) -> str:
    """Switch one side's fault on, or all its faults off if ``name`` is ""; return the name.

    Raises:
        LookupError: there is no such side or fault.
    """
    plans = {"slack": [demo.slack.faults], "api": [each.faults for each in demo.servers.by_name.values()]}
    chosen = next((each for each in FAULT_CONTROLS if (each.side, each.name) == (side, name)), None)
    if name and chosen is None:
        raise LookupError(name)
    for plan in plans[side]:
        plan.clear()
        if chosen:
            plan.always("*", chosen.fault)
    return name


def outages(demo: DemoEnvironment, active_faults: Mapping[str, str]) -> dict[str, float]:
    """Return the active outages by name, with the seconds that the bot may need to recover from each.

    Args:
        demo: the demo environment.
        active_faults: the fault of each side, "" if it has none.
    """
    found = {each.name: each.recovery_seconds for each in FAULT_CONTROLS if active_faults.get(each.side) == each.name}
    return found | ({"bot": RECOVERY_SECONDS} if demo.bot_process.is_killed else {})
