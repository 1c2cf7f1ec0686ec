"""Whether Slack signed a request. Pure.

https://docs.slack.dev/authentication/verifying-requests-from-slack/
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Literal

MAX_CLOCK_SKEW = 300
"""How far a timestamp may be from our clock, either side: Slack's own advice."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")

SignatureProblem = Literal["timestamp", "clock", "signature"]


def check_headers(timestamps: Sequence[str], signatures: Sequence[str], now: float) -> SignatureProblem | None:
    """Return what keeps a request from being Slack's whatever its body holds, or None where only the body can tell.

    Args:
        timestamps: each ``X-Slack-Request-Timestamp`` of the request; more than one is as bad as none.
        signatures: each ``X-Slack-Signature``, likewise.
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
    """Return what keeps a request from being Slack's, or None where it is.

    Args:
        secret: the app's signing secret.
        body: the bytes as they came.
        timestamps: as of ``check_headers``, as are the last two.
        signatures: likewise.
        now: Unix time.
    """
    if flaw := check_headers(timestamps, signatures, now):
        return flaw
    base = b"v0:" + timestamps[0].encode() + b":" + body
    digest = hmac.new(secret, base, hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(f"v0={digest}", signatures[0]) else "signature"
