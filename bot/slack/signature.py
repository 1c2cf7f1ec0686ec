"""Request signatures of Slack. Pure.

https://docs.slack.dev/authentication/verifying-requests-from-slack/
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Literal

MAX_CLOCK_SKEW = 300
"""Maximum difference between a timestamp and our clock, in seconds: what Slack recommends."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")

SignatureProblem = Literal["timestamp", "clock", "signature"]


def check_headers(timestamps: Sequence[str], signatures: Sequence[str], now: float) -> SignatureProblem | None:
    """Return what is wrong with the headers of a request, or None if the body decides.

    Args:
        timestamps: each ``X-Slack-Request-Timestamp`` header; there must be exactly one.
        signatures: each ``X-Slack-Signature`` header, likewise.
        now: Unix time.
    """
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]):
        return "timestamp"
    if abs(now - int(timestamps[0])) > MAX_CLOCK_SKEW:
        return "clock"
    if len(signatures) != 1 or not _SIGNATURE.fullmatch(signatures[0]):
        return "signature"
    return None


def check_signature(
    secret: bytes, body: bytes, *, timestamps: Sequence[str], signatures: Sequence[str], now: float
) -> SignatureProblem | None:
    """Return what is wrong with the signature of a request, or None if Slack signed it.

    Args:
        secret: the app's signing secret.
        body: the raw body.
        timestamps: as of ``check_headers``, as are the last two.
        signatures: likewise.
        now: Unix time.
    """
    if problem := check_headers(timestamps, signatures, now):
        return problem
    base = b"v0:" + timestamps[0].encode() + b":" + body
    digest = hmac.new(secret, base, hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(f"v0={digest}", signatures[0]) else "signature"
