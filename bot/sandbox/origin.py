"""Cross-site protection: reject requests that another site's page sends to a loopback server."""

from collections.abc import Iterable

from multidict import CIMultiDictProxy

LOOPBACK_NAMES = ("127.0.0.1", "localhost")


def is_local_request(headers: CIMultiDictProxy[str], ports: Iterable[int]) -> bool:
    """Whether a request is addressed to this machine, at one of ``ports``, and was not sent by another site's page.

    Browsers name the sending page in Origin and Sec-Fetch-Site; "same-site" is another port of this machine. DNS
    rebinding shows in Host. Programs other than browsers send neither header.
    """
    hosts, here = headers.getall("Host", []), {f"{name}:{port}" for name in LOOPBACK_NAMES for port in ports}
    if len(hosts) != 1 or hosts[0].lower() not in here:
        return False
    is_own = all(origin.lower() == f"http://{hosts[0].lower()}" for origin in headers.getall("Origin", []))
    return is_own and all(site in {"same-origin", "none"} for site in headers.getall("Sec-Fetch-Site", []))
