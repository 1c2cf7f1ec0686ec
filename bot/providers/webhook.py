"""OpenAI's webhooks: what one says, if OpenAI signed it. Pure.

https://platform.openai.com/docs/guides/webhooks, signed as https://www.standardwebhooks.com says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json
from standardwebhooks import Webhook, WebhookVerificationError

ENDS = ("fine_tuning.job.succeeded", "fine_tuning.job.failed", "fine_tuning.job.cancelled")
"""The events of a job; the API sends none of its other states."""
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass(frozen=True)
class Hint:
    """Something happened, says the API; what exactly, only a look will tell."""

    id: str
    """The webhook's; when it is sent again it keeps that."""
    kind: str
    """The event's type, as of ``ENDS`` where it is about a job."""


def hint_of(body: bytes, headers: Mapping[str, Sequence[str]], secrets: Sequence[str]) -> Hint | None:
    """Return what a webhook says, or None where none of the secrets signed it within the last five minutes.

    Args:
        body: the bytes as they came.
        headers: every value of each of ``HEADERS``, by name in lower case; two values are as bad as none.
        secrets: "whsec_...", two while one takes the other's place.
    """
    stated = {name: headers[name][0] for name in HEADERS if len(headers.get(name, ())) == 1}
    if len(stated) < len(HEADERS) or not any(_is_signed(body, stated, secret) for secret in secrets):
        return None
    try:
        event = from_json(body)
    except ValueError:
        return Hint(stated["webhook-id"], "")
    kind = event.get("type") if isinstance(event, dict) else None
    return Hint(stated["webhook-id"], kind if isinstance(kind, str) else "")


def _is_signed(body: bytes, headers: dict[str, str], secret: str) -> bool:
    try:
        Webhook(secret).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # of the latter kind is what base64 and UTF-8 have to say
        return False
    return True
