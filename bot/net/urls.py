"""URL validation for settings: https, or http on the loopback interface. Pure."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_NAME = re.compile(rb"[a-z0-9_.-]+", re.IGNORECASE)


def check_http(url: str, *, allow_http: bool) -> None:
    """Validate the URL of a server from the settings.

    Args:
        url: the setting's value.
        allow_http: whether plain HTTP may leave this machine.

    Raises:
        ValueError: it is invalid; says what to write instead.
    """
    parts = _parts(url)
    if parts is None or not parts.hostname:
        raise ValueError("must be a URL like https://host/path")
    if "@" in parts.netloc:
        raise ValueError("must not contain a username or password")
    if parts.scheme == "http" and not _is_loopback(parts.hostname) and not allow_http:
        raise ValueError("must start with https:// (FTJOB_ALLOW_HTTP=1 allows http)")


def check_host(host: str) -> None:
    """Validate a host name or IP address.

    Raises:
        ValueError: it is neither.
    """
    if not is_host(host):
        raise ValueError("must be a hostname or IP address without a port, such as 127.0.0.1")


def check_azure(url: str, version: str | None) -> None:
    """Validate an Azure endpoint against an API version; None is the v1 API, which has no versions.

    Raises:
        ValueError: the endpoint is of the v1 API, and a version is set.
    """
    if version and f"{urlsplit(url).path.rstrip('/')}/".endswith("/openai/v1/"):
        raise ValueError(
            "can't be used with an endpoint that ends in /openai/v1; remove the version, or remove /v1 from the endpoint"
        )


def _parts(url: str) -> SplitResult | None:
    """Return the parts of an HTTP URL, or None if it is not one."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.port != 0 and is_host(parts.hostname or "")
    except ValueError:  # such as a port that is no number
        return None
    return parts if fits and url.isprintable() and " " not in url else None


def is_host(host: str) -> bool:
    """Whether a host is an IP address or a valid DNS name; HTTP clients fail in different ways on any other."""
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
