"""Which addresses the bot may be pointed at: https, or http on this machine. Pure."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def check_http(url: str, *, allow_http: bool) -> None:
    """Accept the address of a server of whoever runs the bot.

    Args:
        url: what they wrote.
        allow_http: whether plain HTTP may leave this machine.

    Raises:
        ValueError: it is none; says what to write instead.
    """
    parts = _parts(url)
    if parts is None or not parts.hostname:
        raise ValueError("must be an address like https://host/path")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password")
    if parts.scheme == "http" and not _is_loopback(parts.hostname) and not allow_http:
        raise ValueError("must begin with https:// (FTJOB_ALLOW_HTTP=1 allows http)")


def _parts(url: str) -> SplitResult | None:
    """Return the parts of an HTTP address, None where it is not one."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # such as a port that is no number
        return None
    return parts if fits and url.isprintable() and " " not in url else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
