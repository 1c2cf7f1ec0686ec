"""HTTP error responses: status, headers and body to one ``ProviderError``. Pure.

OpenAI: https://platform.openai.com/docs/guides/error-codes. Azure, Together, Fireworks and gateways have other codes; if
there is none, the message is matched.
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
from bot.providers.http.decode import decoded
from bot.telemetry.redaction import MAX_TEXT_LENGTH, redacted
from bot.text import storable

QUOTA_PAUSE = 900.0
"""Seconds to wait when the account's quota is spent. Unlike a rate limit, it takes a person to change that."""

_MAX_MESSAGE_LENGTH = 500
_MISSING_SCOPES = re.compile(r"missing scopes?:\s*([\w.]*\w)", re.IGNORECASE)

_QUOTA_CODES = frozenset(
    "insufficient_quota billing_hard_limit_reached billing_not_active credit_balance_exhausted "
    "organization_spend_limit_exceeded project_spend_limit_exceeded organization_usage_limit_exceeded "
    "budget_exceeded".split()
)
_QUOTA_PATTERN = re.compile(
    r"exceeded your current quota|billing hard limit|check your billing|credit limit exceeded|spend(ing)? limit"
    r"|insufficient (credits?|balance|funds)|no credits? left|out of call volume quota",
    re.IGNORECASE,
)
"""Together uses credit_limit for rate limits, too, so that its type is not enough."""
_QUOTA_STATUSES = frozenset({400, 403, 412, 429})
"""Beside 402, which always means quota. Fireworks returns 412 for an account that has reached its limit."""
_MODEL_CODES = frozenset({"model_not_found", "model_not_available"})
_MODEL_STATUSES = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})

PROXY = HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
_DENIED_STATUSES = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, PROXY, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS}
)
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
_REASON_PATTERNS = {
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
"""For errors without such a code, in the order in which they are tried."""
NO_QUOTA = "The account is out of quota or credit"
MEANINGS = {
    AccessDenialReason.PERMISSION: "ftjob's API key doesn't have permission to do that",
    AccessDenialReason.ACCOUNT: "The account behind ftjob's API key isn't active",
    AccessDenialReason.PROJECT: "The organization or project in ftjob's settings doesn't match its API key",
    AccessDenialReason.REGION: "The API isn't available in the region ftjob runs in",
    AccessDenialReason.IP_ADDRESS: "The API doesn't accept requests from ftjob's IP address",
}
"""Explanations for errors whose own message may not be clear."""
_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: AccessDenialReason.KEY,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: AccessDenialReason.REGION,
}
NO_PLAIN_HTTP = "The server's port expects HTTPS, not plain HTTP."
HTTPS = "Change {address} to https://."
_PLAIN_HTTP = re.compile(rb"plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server", re.IGNORECASE)


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, *, request_id: str | None, now: float
) -> ProviderError:
    """Return the error in a response.

    Args:
        status: HTTP status of the error response.
        headers: by lower-case name.
        body: the whole body.
        request_id: the API's request ID.
        now: current Unix time.
    """
    error = _envelope(body)
    code, api_message = _code(error or {}), _message_of(error or {})
    message = api_message or f"HTTP {status}"
    if status == HTTPStatus.PAYMENT_REQUIRED or _is_quota(status, code, api_message):
        return QuotaExceeded(
            api_message or f"The API returned HTTP {status}.", retry_after=QUOTA_PAUSE, request_id=request_id
        )
    if code in _MODEL_CODES and status in _MODEL_STATUSES:
        return RequestRejected(message, request_id=request_id)
    if status == HTTPStatus.FORBIDDEN and code == "training_not_available":
        return TrainingClosed(message, request_id=request_id)
    if status in _DENIED_STATUSES:
        return _access_denied(status, error, request_id)
    if status == HTTPStatus.BAD_REQUEST and _PLAIN_HTTP.search(body):
        return Unreachable(NO_PLAIN_HTTP, may_have_executed=True, todo=HTTPS, request_id=request_id)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(message, retry_after=retry_after(headers, now), request_id=request_id)
    return _by_status(status, message, request_id)


def summary(error: ProviderError) -> str:
    """Return an error's explanation and the API's message, one or two sentences for users."""
    if isinstance(error, QuotaExceeded):
        return f"{NO_QUOTA}: {error}"
    if isinstance(error, AccessDenied) and error.reason in MEANINGS:
        return f"{MEANINGS[error.reason]}: {error}"
    return str(error)


def retry_after(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds in ``Retry-After``, clamped; the shortest pause without a valid header."""
    return parse_retry_after([headers[name] for name in ("retry-after",) if name in headers], now=now) or MIN_PAUSE


def _by_status(status: int, message: str, request_id: str | None) -> ProviderError:
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(message, request_id=request_id)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Unreachable(message, may_have_executed=True, request_id=request_id)
    if status >= HTTPStatus.BAD_REQUEST:
        return RequestRejected(message, request_id=request_id)
    return InvalidResponse(f"Unexpected HTTP status {status}.", request_id=request_id)


def _is_quota(status: int, code: str, api_message: str) -> bool:
    return status in _QUOTA_STATUSES and (code in _QUOTA_CODES or bool(_QUOTA_PATTERN.search(api_message)))


def _access_denied(status: int, error: Mapping[str, Any] | None, request_id: str | None) -> AccessDenied:
    """Return the error of a denied request; ``error`` is None if the response is not the API's."""
    code, api_message = _code(error or {}), _message_of(error or {})
    reason = AccessDenialReason.INTERMEDIARY if error is None or status == PROXY else _reason(status, code, api_message)
    if reason is AccessDenialReason.INTERMEDIARY:
        api_message = f"A proxy, firewall, or other service in front of the API blocked the request (HTTP {status})."
    scope = _MISSING_SCOPES.search(api_message)
    return AccessDenied(
        api_message or f"HTTP {status}", reason=reason, missing_scope=scope and scope[1], request_id=request_id
    )


def _reason(status: int, code: str, api_message: str) -> AccessDenialReason:
    if code in _REASONS:
        return _REASONS[code]
    found = (reason for reason, words in _REASON_PATTERNS.items() if words.search(api_message))
    return next(found, _BY_STATUS.get(HTTPStatus(status), AccessDenialReason.PERMISSION))


def _envelope(body: bytes) -> dict[str, Any] | None:
    """Return the error object of a response; None for a web page, plain text or Cloudflare's error: not the API's response."""
    if not body.strip():
        return {}
    try:
        value = decoded(body)
    except ValueError:
        return None
    if isinstance(value, dict) and value.get("cloudflare_error") is True:
        return None
    # Google and Fireworks have no envelope: the message is at the top level.
    error = value.get("error", value) if isinstance(value, dict) else None
    if isinstance(error, str):
        return {"message": value.get("error_description") or _message_of(value) or error, "code": error}
    return error if isinstance(error, dict) else {}


def _code(error: Mapping[str, Any]) -> str:
    """Return the error code in lower case; empty if there is none."""
    words = (error.get("code"), error.get("type"))
    return next((word.lower() for word in words if isinstance(word, str) and not word.isdigit()), "")


def _message_of(error: Mapping[str, Any]) -> str:
    """Return the error message without secrets; gateways and RFC 9457 call it ``detail``."""
    api_message = next(
        (text for name in ("message", "detail") if isinstance(text := error.get(name), str) and text), ""
    )
    return redacted(storable(api_message[:MAX_TEXT_LENGTH]))[:_MAX_MESSAGE_LENGTH]
