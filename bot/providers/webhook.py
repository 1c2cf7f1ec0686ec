"""OpenAI's webhooks: what one says, if OpenAI signed it. Pure.

https://platform.openai.com/docs/guides/webhooks, signed as https://www.standardwebhooks.com says.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError

from standardwebhooks import Webhook, WebhookVerificationError

from bot.net.strict_json import loads

JOB_EVENTS = ("fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled")
"""The events of a job; the API sends none of its other states."""
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
FRESH_SECONDS = 300
"""How far a timestamp may be from our clock, either side, as the library that checks the signature has it."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class WebhookEvent:
    """Something happened, says the API; what exactly, only a look will tell."""

    id: str
    """The webhook's; when it is sent again it keeps that."""
    kind: str
    """The event's type, as of ``ENDS`` where it is about a job."""


def is_plausible(headers: Mapping[str, Sequence[str]], now: float) -> bool:
    """Whether a webhook may be signed, by its headers alone; what is not is refused before its body is read.

    Args:
        headers: as of ``hint_of``.
        now: Unix time.
    """
    if any(len(headers.get(name, ())) != 1 for name in HEADERS):
        return False
    timestamp, signatures = headers["webhook-timestamp"][0], headers["webhook-signature"][0]
    is_fresh = bool(_TIMESTAMP.fullmatch(timestamp)) and abs(now - int(timestamp)) <= FRESH_SECONDS
    return is_fresh and any(each.startswith("v1,") for each in signatures.split(" "))


def verified_event(body: bytes, headers: Mapping[str, Sequence[str]], secrets: Sequence[str]) -> WebhookEvent | None:
    """Return what a webhook says, or None where none of the secrets signed it within the last five minutes.

    Args:
        body: the bytes as they came.
        headers: every value of each of ``HEADERS``, by name in lower case; two values are as bad as none.
        secrets: "whsec_...", two while one takes the other's place.

    Raises:
        ValueError: it is signed, and its JSON can be read in two ways.
    """
    stated = {name: headers[name][0] for name in HEADERS if len(headers.get(name, ())) == 1}
    if len(stated) < len(HEADERS) or not any(_is_signed(body, stated, secret) for secret in secrets):
        return None
    try:
        event = loads(body.decode())
    except (JSONDecodeError, UnicodeDecodeError, RecursionError):  # of the former kinds is all that is no JSON
        return WebhookEvent(stated["webhook-id"], "")
    kind = event.get("type") if isinstance(event, dict) else None
    return WebhookEvent(stated["webhook-id"], kind if isinstance(kind, str) else "")


def _is_signed(body: bytes, headers: dict[str, str], secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # of the latter kind is what base64 and UTF-8 have to say
        return False
    return True
