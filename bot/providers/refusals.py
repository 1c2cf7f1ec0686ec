"""What an HTTP answer that is no good one means: from status, headers and body to one error. Pure.

OpenAI: https://platform.openai.com/docs/guides/error-codes. Azure, Together, Fireworks and gateways have words of their
own; where there is no code to go by, their sentences are.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from bot.errors import (
    AccessDenialReason,
    AccessDenied,
    InvalidResponse,
    NotFound,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    TrainingClosed,
    Unreachable,
)
from bot.net.retry_after import MIN_PAUSE, parse_retry_after
from bot.providers.decode import decoded
from bot.telemetry.redaction import MAX_TEXT_LENGTH, redacted
from bot.text import storable

QUOTA_PAUSE = 900.0
"""Seconds to wait when the account's money is spent, which is no rate limit: it takes a person to change that."""

_LONGEST_MESSAGE = 500
_MISSING_SCOPES = re.compile(r"missing scopes?:\s*([\w.]*\w)", re.IGNORECASE)

_QUOTA_CODES = frozenset(
    "insufficient_quota billing_hard_limit_reached billing_not_active credit_balance_exhausted "
    "organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded "
    "budget_exceeded".split()
)
_QUOTA_WORDS = re.compile(
    r"exceeded your current quota|billing hard limit|check your billing|credit limit exceeded|spend(ing)? limit"
    r"|insufficient (credits?|balance|funds)|no credits? left|out of call volume quota",
    re.IGNORECASE,
)
"""Together says credit_limit of mere rates, too, so that its type decides nothing."""
_QUOTA_STATUSES = frozenset({400, 403, 412, 429})
"""Beside 402, which says nothing else. Fireworks says 412 of an account that has reached its limit."""
_MODEL_CODES = frozenset({"model_not_found", "model_not_available"})
_MODEL_STATUSES = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

PROXY = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, PROXY, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS})
_REASONS = {
    "unsupported_country_region_territory": AccessDenialReason.REGION,
    "ip_not_authorized": AccessDenialReason.IP_ADDRESS,
    "mismatched_organization": AccessDenialReason.PROJECT,
    "invalid_organization": AccessDenialReason.PROJECT,
    "organization_membership_required": AccessDenialReason.PROJECT,
    "mismatched_project": AccessDenialReason.PROJECT,
    "invalid_project": AccessDenialReason.PROJECT,
    "project_not_found": AccessDenialReason.PROJECT,
    "account_deactivated": AccessDenialReason.ACCOUNT,
    "account_suspended": AccessDenialReason.ACCOUNT,
    "organization_deactivated": AccessDenialReason.ACCOUNT,
    "access_terminated": AccessDenialReason.ACCOUNT,
    "invalid_api_key": AccessDenialReason.KEY,
    "permission_denied": AccessDenialReason.PERMISSION,
    "permissiondenied": AccessDenialReason.PERMISSION,
    "insufficient_permissions": AccessDenialReason.PERMISSION,
    "authenticationtypedisabled": AccessDenialReason.PERMISSION,
}
_REASON_WORDS = {
    AccessDenialReason.REGION: re.compile(
        r"\b(country|region|territory|location)[^.]{0,60} not (supported|available)|"
        r"not (supported|available)[^.]{0,20} (in|from) (your|this) (country|region|territory|location)",
        re.IGNORECASE,
    ),
    AccessDenialReason.IP_ADDRESS: re.compile(
        r"virtual network|firewall rule|public (network )?access is disabled|\bip( address)?\b(?:[^.]|\.\d){0,60} (not|n't) "
        r"(authorized|allowed|permitted|whitelisted|((in|on) )?(the |your |an )?(ip )?allow ?list)",
        re.IGNORECASE,
    ),
    AccessDenialReason.PROJECT: re.compile(
        r"should match (organization|project) for|no such (organization|project)|member of an organization",
        re.IGNORECASE,
    ),
    AccessDenialReason.ACCOUNT: re.compile(
        r"\b(account|organization|project)\b[^.]{0,60} (deactivated|suspended|archived|disabled)", re.IGNORECASE
    ),
    AccessDenialReason.PERMISSION: re.compile(
        r"lacks the required|insufficient permissions|missing scopes?", re.IGNORECASE
    ),
    AccessDenialReason.KEY: re.compile(r"(api|subscription|access) (key|token)|unauthenticated", re.IGNORECASE),
}
"""For APIs and statuses without such a code, in the order in which they are tried."""
NO_QUOTA = "The account has no quota left"
MEANINGS = {
    AccessDenialReason.PERMISSION: "The API doesn't let this bot's key do that",
    AccessDenialReason.ACCOUNT: "The account behind this bot's key is not active",
    AccessDenialReason.PROJECT: "The organization or project in my settings doesn't go with my key",
    AccessDenialReason.REGION: "The API doesn't serve the place that I run in",
    AccessDenialReason.IP_ADDRESS: "The API doesn't take requests from my network address",
}
"""What happened, where an API's own sentence may leave people in the dark."""
_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: AccessDenialReason.KEY,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: AccessDenialReason.REGION,
}
NO_PLAIN_HTTP = "Its port speaks HTTPS, and was asked in plain HTTP."
HTTPS = "Let {address} begin with https://."
_PLAIN_HTTP = re.compile(rb"plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server", re.IGNORECASE)


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, *, request_id: str | None, now: float
) -> ProviderError:
    """Return the error that an answer stands for.

    Args:
        status: of an answer that is no good one.
        headers: by their names in lower case.
        body: all of it.
        request_id: the API's own id of the request.
        now: the present, in seconds since the epoch.
    """
    error = _envelope(body)
    code, said = _code(error or {}), _sentence(error or {})
    message = said or f"HTTP {status}"
    if status == HTTPStatus.PAYMENT_REQUIRED or _is_quota(status, code, said):
        return QuotaExceeded(
            said or f"No quota is left (HTTP {status}).", retry_after=QUOTA_PAUSE, request_id=request_id
        )
    if code in _MODEL_CODES and status in _MODEL_STATUSES:
        return RequestRejected(message, request_id=request_id)
    if status == HTTPStatus.FORBIDDEN and code == "training_not_available":
        return TrainingClosed(message, request_id=request_id)
    if status in _REFUSED:
        return _access_refused(status, error, request_id)
    if status == HTTPStatus.BAD_REQUEST and _PLAIN_HTTP.search(body):
        return Unreachable(NO_PLAIN_HTTP, may_have_executed=True, todo=HTTPS, request_id=request_id)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(message, retry_after=retry_after(headers, now), request_id=request_id)
    return _by_status(status, message, request_id)


def summary(error: ProviderError) -> str:
    """Return what an error means and what the API said, as one or two sentences for people who see nothing else."""
    if isinstance(error, QuotaExceeded):
        return f"{NO_QUOTA}: {error}"
    if isinstance(error, AccessDenied) and error.reason in MEANINGS:
        return f"{MEANINGS[error.reason]}: {error}"
    return str(error)


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds that ``Retry-After`` asks for, clamped; without a usable header the shortest pause."""
    return parse_retry_after([headers[name] for name in ("retry-after",) if name in headers], now=now) or MIN_PAUSE


def _by_status(status: int, message: str, request_id: str | None) -> ProviderError:
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(message, request_id=request_id)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Unreachable(message, may_have_executed=True, request_id=request_id)
    if status >= HTTPStatus.BAD_REQUEST:
        return RequestRejected(message, request_id=request_id)
    return InvalidResponse(f"Unexpected HTTP status {status}.", request_id=request_id)


def _is_quota(status: int, code: str, said: str) -> bool:
    return status in _QUOTA_STATUSES and (code in _QUOTA_CODES or bool(_QUOTA_WORDS.search(said)))


def _access_refused(status: int, error: Mapping[str, Any] | None, request_id: str | None) -> AccessDenied:
    """Return why nobody is let in; ``error`` is None where the answer is no API's."""
    code, said = _code(error or {}), _sentence(error or {})
    reason = AccessDenialReason.INTERMEDIARY if error is None or status == PROXY else _reason(status, code, said)
    if reason is AccessDenialReason.INTERMEDIARY:
        said = f"A proxy, a firewall or another service before the API refused the request (HTTP {status})."
    scope = _MISSING_SCOPES.search(said)
    return AccessDenied(
        said or f"HTTP {status}", reason=reason, missing_scope=scope and scope[1], request_id=request_id
    )


def _reason(status: int, code: str, said: str) -> AccessDenialReason:
    if code in _REASONS:
        return _REASONS[code]
    found = (reason for reason, words in _REASON_WORDS.items() if words.search(said))
    return next(found, _BY_STATUS.get(HTTPStatus(status), AccessDenialReason.PERMISSION))


def _envelope(body: bytes) -> dict[str, Any] | None:
    """Return what an API says of an error; None where the answer is a page, a text or Cloudflare's, which no API sends."""
    if not body.strip():
        return {}
    try:
        value = decoded(body)
    except ValueError:
        return None
    if isinstance(value, dict) and value.get("cloudflare_error") is True:
        return None
    # Google's envelope, which Fireworks has too, is none: the message stands at the top.
    error = value.get("error", value) if isinstance(value, dict) else None
    if isinstance(error, str):
        return {"message": value.get("error_description") or _sentence(value) or error, "code": error}
    return error if isinstance(error, dict) else {}


def _code(error: Mapping[str, Any]) -> str:
    """Return the word that an API has for an error, in small letters; "" where it has none."""
    words = (error.get("code"), error.get("type"))
    return next((word.lower() for word in words if isinstance(word, str) and not word.isdigit()), "")


def _sentence(error: Mapping[str, Any]) -> str:
    """Return what an API says of an error, without secrets; gateways and RFC 9457 call it ``detail``."""
    said = next((text for name in ("message", "detail") if isinstance(text := error.get(name), str) and text), "")
    return redacted(storable(said[:MAX_TEXT_LENGTH]))[:_LONGEST_MESSAGE]
