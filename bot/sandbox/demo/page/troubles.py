"""What can be broken from the page, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.demo.oracle.counts import RECOVERY_SECONDS
from bot.sandbox.faults import Fault

HANG_SECONDS = 600.0
KEY_LOCKOUT_SECONDS = 360.0
"""Seconds that a bot may leave an API alone which refused its key, with some to spare: it takes a person to change that."""
_HTML = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_KEY = (
    '{"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}}'
)
_LIMIT = '{"error": {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}}'


@dataclass(frozen=True)
class FaultControl:
    """One way to misbehave."""

    name: str
    side: Literal["slack", "api"]
    label: str
    """What it is called on the page."""
    fault: Fault
    recovery_seconds: float = RECOVERY_SECONDS
    """Seconds that the bot may wait after it until it tries again."""


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


def set_fault(stage: DemoEnvironment, side: str, name: str) -> str:
    """Let one side misbehave in one way from now on, or in none where ``name`` is ""; return which way it is.

    Raises:
        LookupError: there is no such side or trouble.
    """
    plans = {"slack": stage.slack.faults, "api": stage.api.faults}
    plan = plans[side]
    chosen = next((each for each in FAULT_CONTROLS if (each.side, each.name) == (side, name)), None)
    if name and chosen is None:
        raise LookupError(name)
    plan.clear()
    if chosen:
        plan.always("*", chosen.fault)
    return name


def outages(stage: DemoEnvironment, troubles: Mapping[str, str]) -> dict[str, float]:
    """Return what is broken on purpose now, by name, with the seconds that the bot may need to recover from it.

    Args:
        stage: what is played on.
        troubles: the trouble of each side, "" where it has none.
    """
    found = {each.name: each.recovery_seconds for each in FAULT_CONTROLS if troubles.get(each.side) == each.name}
    return found | ({"bot": RECOVERY_SECONDS} if stage.bot_process.is_killed else {})
