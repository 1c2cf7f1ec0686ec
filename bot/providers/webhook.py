"""Verification of OpenAI's webhooks. Pure.

https://platform.openai.com/docs/guides/webhooks, signatures: https://www.standardwebhooks.com
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError

from standardwebhooks import Webhook, WebhookVerificationError

from bot.net.strict_json import loads

JOB_EVENTS = ("fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled")
"""Event types of a finished job; the API sends none for other statuses."""
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
FRESH_SECONDS = 300
"""Seconds by which a timestamp may differ from our clock, as in the library that verifies the signature."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class WebhookEvent:
    """A verified event. It is a hint only: read the job to see what happened."""

    id: str
    """Webhook ID, the same for each attempt to deliver it."""
    kind: str
    """Event type; one of ``JOB_EVENTS`` for a job."""


def is_plausible(headers: Mapping[str, Sequence[str]], now: float) -> bool:
    """Whether the headers of a webhook could be signed; if not, refuse it without reading its body.

    Args:
        headers: as in ``verified_event``.
        now: Unix time.
    """
    if any(len(headers.get(name, ())) != 1 for name in HEADERS):
        return False
    timestamp, signatures = headers["webhook-timestamp"][0], headers["webhook-signature"][0]
    is_fresh = bool(_TIMESTAMP.fullmatch(timestamp)) and abs(now - int(timestamp)) <= FRESH_SECONDS
    return is_fresh and any(each.startswith("v1,") for each in signatures.split(" "))


def verified_event(body: bytes, headers: Mapping[str, Sequence[str]], secrets: Sequence[str]) -> WebhookEvent | None:
    """Return the event of a webhook; None unless one of the secrets signed it within the last five minutes.

    Args:
        body: raw bytes.
        headers: all values of each of ``HEADERS``, by lower-case name; each must have exactly one.
        secrets: "whsec_...", two during a rotation.

    Raises:
        ValueError: it is signed, but its JSON is ambiguous.
    """
    stated = {name: headers[name][0] for name in HEADERS if len(headers.get(name, ())) == 1}
    if len(stated) < len(HEADERS) or not any(_is_signed(body, stated, secret) for secret in secrets):
        return None
    try:
        event = loads(body.decode())
    except (JSONDecodeError, UnicodeDecodeError, RecursionError):  # not JSON
        return WebhookEvent(stated["webhook-id"], "")
    kind = event.get("type") if isinstance(event, dict) else None
    return WebhookEvent(stated["webhook-id"], kind if isinstance(kind, str) else "")


def _is_signed(body: bytes, headers: dict[str, str], secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: invalid base64 or UTF-8
        return False
    return True
