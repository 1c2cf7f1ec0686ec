"""Proxy settings: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, parsed once for all outgoing requests. Pure.

HTTP clients disagree on these variables, and some crash on values that others accept; so they get the parsed result.
Lowercase names take precedence over uppercase ones, as in curl.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, quote, unquote, urlsplit

from bot.net.urls import is_host

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_BRACKETS = re.compile(r"\[([0-9a-f:.]+)\](/\d+)?", re.IGNORECASE)
_MAX_QUOTED_LENGTH = 60

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the environment variable that names it."""

    name: str
    url: str = field(repr=False)
    """With user name and password, if it has them."""

    @property
    def host_port(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.url).netloc.rpartition("@")[2]


@dataclass(frozen=True)
class Bypass:
    """One entry of NO_PROXY."""

    host: str = ""
    """A host with all its subdomains; may hold asterisks. Empty if ``network`` is set."""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def matches(self, host: str, address: Address | None, port: int | None) -> bool:
        """Whether it covers a host, in lowercase, which may be an IP address."""
        if self.port not in (None, port):
            return False
        if self.network:
            return address is not None and address in self.network
        return (
            host == self.host or host.endswith(f".{self.host}") or ("*" in self.host and fnmatchcase(host, self.host))
        )


@dataclass(frozen=True)
class Proxies:
    """The proxy of each URL. An empty one means direct connections."""

    http: Proxy | None = None
    """For http:// and ws:// URLs."""
    https: Proxy | None = None
    """For https:// and wss:// URLs."""
    bypasses: tuple[Bypass, ...] = ()
    ignored: tuple[str, ...] = ()
    """Invalid values that are ignored, each as a sentence."""

    def find(self, url: str) -> Proxy | None:
        """Return the proxy for a URL, or None for a direct connection."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme in ("https", "wss") else self.http
        host = (parts.hostname or "").rstrip(".")
        address, port = _address(host), parts.port or _PORTS.get(parts.scheme)
        is_direct = any(bypass.matches(host, address, port) for bypass in self.bypasses)
        return None if is_direct else proxy

    def url_for(self, url: str) -> str | None:
        """Return the proxy URL for a URL, or None. It is secret: it may hold a password."""
        proxy = self.find(url)
        return proxy.url if proxy else None


DIRECT = Proxies()
"""No proxies: direct connections only."""


def read_proxies(env: Mapping[str, str]) -> tuple[Proxies, list[str]]:
    """Return the proxies of an environment, and its problems: one sentence each, without a password."""
    problems, unread = list[str](), list[str]()
    proxies: dict[str, Proxy | None] = {}
    for scheme in ("https", "http"):
        name, text = _value(env, f"{scheme}_proxy")
        is_own = bool(text)
        if not is_own:
            name, text = _value(env, "all_proxy")
        try:
            proxies[scheme] = Proxy(name, _proxy_url(text)) if text else None
        except ValueError as error:
            # Desktops set ALL_PROXY to a SOCKS proxy beside HTTPS_PROXY; plain HTTP is hardly used then.
            is_spare = not is_own and scheme == "http" and _value(env, "https_proxy")[1]
            (unread if is_spare else problems).append(f"{name} {error}")
    bypasses, passed_over = _bypasses(*_value(env, "no_proxy"))
    found = Proxies(proxies.get("http"), proxies.get("https"), bypasses, (*unread, *passed_over))
    return found, list(dict.fromkeys(problems))


def _value(env: Mapping[str, str], name: str) -> tuple[str, str]:
    for each in (name, name.upper()):
        if text := env.get(each, "").strip():
            return each, text
    return name.upper(), ""


def _proxy_url(text: str) -> str:
    """Return a proxy URL, complete and escaped.

    Raises:
        ValueError: it is not a URL, or its scheme is not supported.
    """
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else "http"
    if scheme.startswith("socks"):
        raise ValueError(f"is a SOCKS proxy ({scheme}://), which ftjob can't use; use an HTTP proxy")
    try:
        parts = urlsplit(text if found else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # such as a port that is no number
        host, port = "", None
    if scheme not in ("http", "https") or not is_host(host) or port == 0 or not text.isprintable():
        raise ValueError("must be a proxy URL like http://host:3128")
    netloc = f"[{host}]" if ":" in host else host
    return f"{scheme}://{_credentials(parts)}{netloc}:{port or _PORTS[scheme]}"


def _credentials(parts: SplitResult) -> str:
    if "@" not in parts.netloc:
        return ""
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    try:
        f"{user}:{password}".encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError("contains a username or password with characters that a proxy can't accept") from None
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"


def _bypasses(name: str, text: str) -> tuple[tuple[Bypass, ...], tuple[str, ...]]:
    bypasses, unread = list[Bypass](), list[str]()
    for entry in text.replace(",", " ").split():
        try:
            bypasses.append(_bypass(entry))
        except ValueError:
            account, _, host = entry.rpartition("@")
            # What follows a colon is a password.
            printable = ascii((host if ":" in account else entry)[:_MAX_QUOTED_LENGTH])[1:-1]
            unread.append(f"{name}: {printable} isn't a host, IP address, or network; ignored")
    return tuple(bypasses), tuple(unread)


def _bypass(entry: str) -> Bypass:
    """Parse an entry: host, .suffix, *.suffix, host:port, IP address, network, URL, or *.

    Raises:
        ValueError: it is none of these.
    """
    if scheme := _SCHEME.match(entry):
        entry = entry[scheme.end() :].partition("/")[0]
    try:
        found = _BRACKETS.fullmatch(entry)
        return Bypass(network=ip_network(f"{found[1]}{found[2] or ''}" if found else entry, strict=False))
    except ValueError:
        if "/" in entry:
            raise
    parts = urlsplit(f"//{entry}")
    host = (parts.hostname or "").removeprefix("*.").strip(".")
    if address := _address(host):
        return Bypass(network=ip_network(address), port=parts.port)
    if "@" in entry or not is_host(host.replace("*", "x")):
        raise ValueError
    return Bypass(host, port=parts.port)


def _address(host: str) -> Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
