"""Which addresses the bot may be pointed at: https, or http on this machine. Pure."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_NAME = re.compile(rb"[a-z0-9_.-]+", re.IGNORECASE)


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


def check_host(host: str) -> None:
    """Accept the name or the IP address of a machine.

    Raises:
        ValueError: it is none.
    """
    if not is_host(host):
        raise ValueError("must be the name or the IP address of a machine, such as 127.0.0.1, without a port")


def check_azure(url: str, version: str | None) -> None:
    """Accept the address of an Azure resource for a version of its API; None is the API without versions.

    Raises:
        ValueError: the address names the API without versions, and a version is set.
    """
    if version and f"{urlsplit(url).path.rstrip('/')}/".endswith("/openai/v1/"):
        raise ValueError("does not fit an endpoint that ends in /openai/v1, the API without versions; leave one out")


def _parts(url: str) -> SplitResult | None:
    """Return the parts of an HTTP address, None where it is not one."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.port != 0 and is_host(parts.hostname or "")
    except ValueError:  # such as a port that is no number
        return None
    return parts if fits and url.isprintable() and " " not in url else None


def is_host(host: str) -> bool:
    """Whether a name is an IP address or can be looked up; what cannot makes each HTTP client fail in its own way."""
    try:
        ip_address(host)
    except ValueError:
        try:
            return bool(_NAME.fullmatch(host.rstrip(".").encode("idna")))
        except UnicodeError:  # an empty label, one of more than 63 characters, a letter that no name has
            return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
