"""What a refusal means, by literal answers of OpenAI, Azure, Together, Fireworks and of what stands before them."""

from typing import Any

import pytest

from bot.errors import (
    AccessDenialReason,
    AccessDenied,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    Unreachable,
)
from bot.providers.http.refusals import QUOTA_PAUSE, error_of, summary
from tests.builders import NOW, answer, error_body

CLOUDFLARE = "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"
SQUID = "<html><h1>ERROR</h1><p>Cache Access Denied.</p></html>"
NGINX = "<html><h1>400 Bad Request</h1><center>The plain HTTP request was sent to HTTPS port</center></html>"


def openai(message: str, code: str | None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return error_body(message, code=code, kind=kind)


def azure(message: str, code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def google(message: str, code: int) -> dict[str, Any]:
    return {"code": code, "message": message, "details": []}


def error(status: int, body: Any, **headers: str) -> ProviderError:
    got = answer(body, status, **headers)
    return error_of(got.status, got.headers, got.body, request_id="req_1", now=NOW)


SPENT: dict[str, tuple[int, Any]] = {
    "OpenAI's quota": (
        429,
        openai(
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            "insufficient_quota",
        ),
    ),
    "OpenAI's hard limit": (400, openai("Billing hard limit has been reached.", "billing_hard_limit_reached")),
    "OpenAI's unpaid bill": (
        429,
        openai(
            "Your account is not active, please check your billing details on our website.",
            "billing_not_active",
            "billing_not_active",
        ),
    ),
    "OpenAI's limit of a project": (429, openai("Spend limit reached.", "project_spend_limit_exceeded")),
    "no code, but the words": (429, openai("You exceeded your current quota.", None)),
    "Together's credit": (
        402,
        openai("Credit limit exceeded. Please navigate to settings to add credit.", None, "credit_limit"),
    ),
    "Fireworks' limit": (
        412,
        openai(
            "Account acme is suspended, possibly due to reaching the monthly spending limit or failure to pay past "
            "invoices.",
            "PRECONDITION_FAILED",
            "error",
        ),
    ),
    "a gateway's quota": (403, {"statusCode": 403, "message": "Out of call volume quota. Replenished in 01:23:45."}),
    "a gateway's budget": (429, openai("Budget has been exceeded! Max budget: 1.0", None, "budget_exceeded")),
    "a gateway that has but a word": (429, {"error": "insufficient_quota", "message": "No quota."}),
    "a 402 that says nothing": (402, ""),
    "a 402 as a page": (402, "<html>Payment required</html>"),
}


@pytest.mark.parametrize(("status", "body"), SPENT.values(), ids=SPENT.keys())
def test_a_spent_quota_is_named_and_waits_longest(status: int, body: Any) -> None:
    found = error(status, body, retry_after="2")
    assert type(found) is QuotaExceeded
    assert found.retry_after == QUOTA_PAUSE == 900
    assert found.request_id == "req_1"
    inner = body.get("error") if isinstance(body, dict) else None
    said = (inner if isinstance(inner, dict) else body)["message"] if body and isinstance(body, dict) else None
    assert str(found) == (said or "The API returned HTTP 402.")


RATES: dict[str, Any] = {
    "OpenAI": openai(
        "Rate limit reached for gpt-4o. You can increase your rate limit by adding a payment method to your account.",
        "rate_limit_exceeded",
        "requests",
    ),
    "Together": openai(
        "You have been rate limited. Your rate limit is 60 queries per minute. Upgrade to a paid plan.",
        None,
        "credit_limit",
    ),
    "Azure": azure("Requests have exceeded call rate limit of your current OpenAI S0 pricing tier.", "429"),
    "Fireworks": google("Too many requests.", 8),
    "a page": SQUID,
}


@pytest.mark.parametrize("body", RATES.values(), ids=RATES.keys())
def test_too_many_requests_are_no_spent_quota(body: Any) -> None:
    found = error(429, body, retry_after="7")
    assert type(found) is RateLimited
    assert found.retry_after == 7


REFUSED: dict[str, tuple[int, Any, AccessDenialReason]] = {
    "a wrong key": (401, openai("Incorrect API key provided.", "invalid_api_key"), AccessDenialReason.KEY),
    "a wrong key at Together": (401, openai("Invalid API key provided.", "invalid_api_key"), AccessDenialReason.KEY),
    "a wrong key at Fireworks": (403, google("The API key you provided is invalid.", 7), AccessDenialReason.KEY),
    "a wrong key at Azure": (
        401,
        azure(
            "Access denied due to invalid subscription key or wrong API endpoint. Use a correct regional API endpoint.",
            "401",
        ),
        AccessDenialReason.KEY,
    ),
    "an old token at Azure": (
        401,
        azure("Access token is missing, invalid, audience is incorrect, or have expired.", "Unauthorized"),
        AccessDenialReason.KEY,
    ),
    "401 without a body": (401, "", AccessDenialReason.KEY),
    "a key without rights": (
        403,
        openai("You have insufficient permissions.", "insufficient_permissions"),
        AccessDenialReason.PERMISSION,
    ),
    "a principal without a role": (
        401,
        azure("The principal lacks the required data action to perform the operation.", "PermissionDenied"),
        AccessDenialReason.PERMISSION,
    ),
    "403 without a reason": (403, openai("Not here", None), AccessDenialReason.PERMISSION),
    "keys that are switched off at Azure": (
        403,
        azure("Key based authentication is disabled for this resource.", "AuthenticationTypeDisabled"),
        AccessDenialReason.PERMISSION,
    ),
    "another organization": (
        401,
        openai("OpenAI-Organization header should match organization for API key", "mismatched_organization"),
        AccessDenialReason.PROJECT,
    ),
    "another project": (
        401,
        openai("OpenAI-Project header should match project for API key", "mismatched_project"),
        AccessDenialReason.PROJECT,
    ),
    "no such organization": (
        401,
        openai("No such organization: org-1.", "invalid_organization"),
        AccessDenialReason.PROJECT,
    ),
    "nobody's member": (
        401,
        openai("You must be a member of an organization to use the API", None),
        AccessDenialReason.PROJECT,
    ),
    "a closed account": (
        401,
        openai("The account has been deactivated.", "account_deactivated"),
        AccessDenialReason.ACCOUNT,
    ),
    "a suspended account": (403, google("Your account acme is suspended.", 7), AccessDenialReason.ACCOUNT),
    "an archived project": (
        401,
        openai("The project you are requesting has been archived.", None),
        AccessDenialReason.ACCOUNT,
    ),
    "the country": (
        403,
        openai(
            "Country, region, or territory not supported", "unsupported_country_region_territory", "request_forbidden"
        ),
        AccessDenialReason.REGION,
    ),
    "the country, without a code": (403, openai("Your country is not supported.", None), AccessDenialReason.REGION),
    "the country, the other way round": (
        403,
        openai("This service is not available in your country.", None),
        AccessDenialReason.REGION,
    ),
    "the place": (403, google("User location is not supported for the API use.", 7), AccessDenialReason.REGION),
    "for legal reasons": (451, openai("Not here.", None), AccessDenialReason.REGION),
    "the address": (401, openai("Your IP is not authorized.", "ip_not_authorized"), AccessDenialReason.IP_ADDRESS),
    "the address, in numbers": (
        403,
        openai("Your IP address 203.0.113.9 is not allowed.", None),
        AccessDenialReason.IP_ADDRESS,
    ),
    "the address, in a gateway's words": (
        403,
        {"detail": "IP 203.0.113.9 is not in the allow list"},
        AccessDenialReason.IP_ADDRESS,
    ),
    "the address, in OAuth's words": (
        403,
        {"error": "access_denied", "error_description": "IP 203.0.113.9 is not permitted"},
        AccessDenialReason.IP_ADDRESS,
    ),
    "Azure's firewall": (
        403,
        azure("Access denied due to Virtual Network/Firewall rules.", "403"),
        AccessDenialReason.IP_ADDRESS,
    ),
    "Azure's private endpoint": (
        403,
        azure("Public access is disabled. Configure a private endpoint.", "403"),
        AccessDenialReason.IP_ADDRESS,
    ),
    "Cloudflare": (403, CLOUDFLARE, AccessDenialReason.INTERMEDIARY),
    "Cloudflare in a word": (403, "error code: 1020", AccessDenialReason.INTERMEDIARY),
    "Cloudflare in JSON": (
        403,
        {"title": "Error 1020", "status": 403, "cloudflare_error": True},
        AccessDenialReason.INTERMEDIARY,
    ),
    "a page to sign in": (401, "<html><form>Sign in</form></html>", AccessDenialReason.INTERMEDIARY),
    "a proxy": (403, SQUID, AccessDenialReason.INTERMEDIARY),
    "a proxy that wants a password": (407, SQUID, AccessDenialReason.INTERMEDIARY),
    "a proxy that wants a password, in JSON": (
        407,
        openai("Proxy authentication required", None),
        AccessDenialReason.INTERMEDIARY,
    ),
}


@pytest.mark.parametrize(("status", "body", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_an_access_error_names_its_reason(status: int, body: Any, reason: AccessDenialReason) -> None:
    found = error(status, body)
    assert isinstance(found, AccessDenied)
    assert (found.reason, found.request_id) == (reason, "req_1")
    if reason is AccessDenialReason.INTERMEDIARY:
        said = f"A proxy, firewall, or other service in front of the API blocked the request (HTTP {status})."
        assert str(found) == said


@pytest.mark.parametrize("status", [403, 404])
def test_a_model_that_the_key_may_not_use_is_a_refusal_of_the_request(status: int) -> None:
    body = openai("Project `proj_1` does not have access to model `gpt-5`", "model_not_found")
    assert type(error(status, body)) is RequestRejected


def test_the_meaning_of_a_refusal_precedes_the_apis_message() -> None:
    assert summary(error(*SPENT["OpenAI's quota"])).startswith(
        "The account is out of quota or credit: You exceeded your"
    )
    place = summary(error(*REFUSED["the country"][:2]))
    assert place == "The API isn't available in the region ftjob runs in: Country, region, or territory not supported"
    assert summary(error(*REFUSED["a wrong key"][:2])) == "Incorrect API key provided."


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "Not for you."},
        {"error": {"detail": "Not for you."}},
        {"error": "x", "error_description": "Not for you."},
        {"error": "Forbidden", "message": "Not for you.", "statusCode": 403},
    ],
)
def test_a_gateways_own_message_is_shown(body: Any) -> None:
    assert str(error(401, body)) == str(error(400, body)) == "Not for you."


@pytest.mark.parametrize("text", [NGINX, "Client sent an HTTP request to an HTTPS server.\n"])
def test_plain_http_at_a_port_of_https_is_named(text: str) -> None:
    found = error(400, text)
    assert isinstance(found, Unreachable)
    assert str(found) == "The server's port expects HTTPS, not plain HTTP."
    assert found.todo == "Change {address} to https://."
