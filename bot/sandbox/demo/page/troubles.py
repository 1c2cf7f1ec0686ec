"""What can be broken from the page, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.sandbox.demo.environment import Stage
from bot.sandbox.demo.oracle.counts import RECOVERS
from bot.sandbox.faults import Fault

HANGS = 600.0
LOCKOUT = 360.0
"""Seconds that a bot may leave an API alone which refused its key, with some to spare: it takes a person to change that."""
_HTML = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_KEY = (
    '{"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}}'
)
_LIMIT = '{"error": {"message": "Rate limit reached.", "type": "requests", "code": "rate_limit_exceeded"}}'


@dataclass(frozen=True)
class Trouble:
    """One way to misbehave."""

    name: str
    side: Literal["slack", "api"]
    says: str
    """What it is called on the page."""
    fault: Fault
    recovers: float = RECOVERS
    """Seconds that the bot may wait after it until it tries again."""


TROUBLES = (
    Trouble(
        "slack-429",
        "slack",
        "Slack: too many requests (429)",
        Fault("answer", status=429, headers={"Retry-After": "2"}),
    ),
    Trouble("slack-500", "slack", "Slack: server errors (500)", Fault("answer", status=500)),
    Trouble("slack-hang", "slack", "Slack: says nothing", Fault("hang", seconds=HANGS)),
    Trouble("slack-lost", "slack", "Slack: takes it, drops the answer", Fault("drop", accepted=True)),
    Trouble("api-401", "api", "API: refuses the key (401)", Fault("answer", status=401, body=_KEY), LOCKOUT),
    Trouble(
        "api-429",
        "api",
        "API: too many requests (429)",
        Fault("answer", status=429, headers={"Retry-After": "2"}, body=_LIMIT),
    ),
    Trouble("api-html", "api", "API: answers with a web page", Fault("answer", status=502, body=_HTML)),
    Trouble("api-hang", "api", "API: says nothing", Fault("hang", seconds=HANGS)),
)


def set_trouble(stage: Stage, side: str, name: str) -> str:
    """Let one side misbehave in one way from now on, or in none where ``name`` is ""; return which way it is.

    Raises:
        LookupError: there is no such side or trouble.
    """
    plans = {"slack": stage.slack.faults, "api": stage.api.faults}
    plan = plans[side]
    chosen = next((each for each in TROUBLES if (each.side, each.name) == (side, name)), None)
    if name and chosen is None:
        raise LookupError(name)
    plan.clear()
    if chosen:
        plan.always("*", chosen.fault)
    return name


def outages(stage: Stage, troubles: Mapping[str, str]) -> dict[str, float]:
    """Return what is broken on purpose now, by name, with the seconds that the bot may need to recover from it.

    Args:
        stage: what is played on.
        troubles: the trouble of each side, "" where it has none.
    """
    found = {each.name: each.recovers for each in TROUBLES if troubles.get(each.side) == each.name}
    return found | ({"bot": RECOVERS} if stage.crew.is_killed else {})
