"""URLs that Slack issues for one purpose: response URLs and upload URLs. Requests go to no other host."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.net.proxies import DIRECT, Proxies


@dataclass(frozen=True)
class IssuedUrls:
    """HTTP access to URLs that begin with one of the prefixes."""

    session: aiohttp.ClientSession
    prefixes: tuple[str, ...]
    proxies: Proxies = DIRECT

    def accepts(self, url: str) -> bool:
        """Whether a URL is one of Slack's. Compared as text: two URL parsers may see two hosts in one URL."""
        return url.startswith(self.prefixes)

    def post(self, url: str, **body: Any) -> Any:
        """Return the context manager of a POST request; ``body`` as of aiohttp. Redirects are not followed."""
        return self.session.post(url, proxy=self.proxies.url_for(url), allow_redirects=False, **body)
