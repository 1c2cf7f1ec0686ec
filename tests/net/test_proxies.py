"""Proxy settings as people write them, and what each address makes of them."""

import pytest

from bot.net.proxies import Proxies, read_proxies

PROXY = "http://proxy.example:3128"


def read(**known: str) -> Proxies:
    proxies, problems = read_proxies(known)
    assert problems == []
    return proxies


@pytest.mark.parametrize(
    ("known", "url", "proxy"),
    [
        ({}, "https://slack.com/api", None),
        ({"HTTPS_PROXY": PROXY}, "https://slack.com/api", PROXY),
        ({"https_proxy": PROXY}, "wss://wss-primary.slack.com/link", PROXY),
        ({"HTTPS_PROXY": PROXY}, "http://10.0.0.1/v1", None),
        ({"HTTP_PROXY": PROXY}, "http://10.0.0.1/v1", PROXY),
        ({"HTTP_PROXY": PROXY}, "ws://127.0.0.1:1/link", PROXY),
        ({"HTTP_PROXY": PROXY}, "https://slack.com/api", None),
        ({"ALL_PROXY": PROXY}, "https://slack.com/api", PROXY),
        ({"all_proxy": PROXY}, "http://127.0.0.1:1/v1", PROXY),
        ({"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}, "https://slack.com/api", "http://b:2"),
        ({"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"}, "https://slack.com/api", "http://a:1"),
        ({"HTTPS_PROXY": " ", "ALL_PROXY": "http://b:2"}, "https://slack.com/api", "http://b:2"),
        ({"HTTPS_PROXY": "127.0.0.1:3128"}, "https://slack.com/api", "http://127.0.0.1:3128"),
        ({"HTTPS_PROXY": "proxy"}, "https://slack.com/api", "http://proxy:80"),
        ({"HTTPS_PROXY": "HTTPS://proxy/"}, "https://slack.com/api", "https://proxy:443"),
        ({"HTTPS_PROXY": "[fd00::1]:3128"}, "https://slack.com/api", "http://[fd00::1]:3128"),
        ({"HTTPS_PROXY": "http://me:p%40ss@proxy:1"}, "https://slack.com/api", "http://me:p%40ss@proxy:1"),
        ({"HTTPS_PROXY": "me:p@ss:word@proxy:1"}, "https://slack.com/api", "http://me:p%40ss%3Aword@proxy:1"),
        ({"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY, "ALL_PROXY": "socks://x:1"}, "https://slack.com/", PROXY),
    ],
)
def test_a_url_goes_through_the_proxy_of_its_scheme(known: dict[str, str], url: str, proxy: str | None) -> None:
    assert read(**known).url_for(url) == proxy


@pytest.mark.parametrize(
    ("entry", "direct", "through"),
    [
        ("slack.com", ["https://slack.com/api", "https://hooks.slack.com:8443/x"], ["https://notslack.com/"]),
        (".slack.com", ["https://files.slack.com/", "https://slack.com/"], ["https://slack.com.evil.example/"]),
        ("*.slack.com", ["https://files.slack.com/"], ["https://slackXcom/"]),
        ("SLACK.com.", ["https://Slack.Com/api", "https://slack.com./api"], ["https://slack.co/"]),
        (
            "slack.com:443",
            ["https://slack.com/api", "wss://slack.com/link"],
            ["https://slack.com:8443/", "http://slack.com/"],
        ),
        ("https://slack.com/", ["https://slack.com/api"], ["https://api.openai.com/v1"]),
        ("*", ["https://slack.com/api", "http://[::1]:1/", "ws://10.0.0.1/"], []),
        (
            "10.0.0.0/8",
            ["https://10.1.2.3/v1", "http://[::ffff:10.1.2.3]/v1"],
            ["https://11.0.0.1/", "https://ten.example/"],
        ),
        ("10.1.2.3/8", ["https://10.9.9.9/v1"], ["https://11.0.0.1/"]),
        ("127.0.0.1", ["http://127.0.0.1:8080/v1"], ["http://127.0.0.2/", "http://localhost/"]),
        ("127.0.0.1:8080", ["http://127.0.0.1:8080/v1"], ["http://127.0.0.1/v1"]),
        ("192.168.*", ["https://192.168.7.7/v1"], ["https://192.169.7.7/v1"]),
        ("fd00::/8", ["https://[fd12::1]/v1"], ["https://[fe80::1]/v1"]),
        ("::1", ["http://[::1]:1/v1", "http://[0:0:0:0:0:0:0:1]/"], ["http://[::2]/"]),
        ("[::1]", ["http://[::1]:1/v1"], ["http://[::2]/"]),
        ("[::1]:8080", ["http://[::1]:8080/v1"], ["http://[::1]/v1"]),
        ("[fd00::]/8", ["https://[fd12::1]/v1"], ["https://[fe80::1]/v1"]),
        ("localhost", ["http://localhost:1/"], ["http://127.0.0.1/"]),
        ("my_host", ["https://my_host/v1"], ["https://myhost/"]),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_is_parsed_in_every_usual_form(name: str, entry: str, direct: list[str], through: list[str]) -> None:
    proxies = read(**{"ALL_PROXY": PROXY, name: f"one.example,  {entry} ,two.example"})
    assert proxies.ignored == ()
    assert {url: proxies.url_for(url) for url in direct} == dict.fromkeys(direct)
    assert {url: proxies.url_for(url) for url in through} == dict.fromkeys(through, PROXY)
    assert proxies.url_for("https://two.example/") is None


def test_the_list_that_a_container_runtime_sets_is_read_to_its_end() -> None:
    proxies = read(HTTPS_PROXY=PROXY, NO_PROXY="localhost,127.0.0.1,::1,fd00::/8,.internal")
    assert proxies.ignored == ()
    assert proxies.url_for("https://gateway.internal/v1") is None


@pytest.mark.parametrize(
    "entry", ["fd00::/999", "/8", "host:eighty", "a..b", "user@host", "10.0.0.0/33", "host:99999", "<local>/x", "[::1"]
)
def test_an_invalid_entry_is_named_and_only_it_is_ignored(entry: str) -> None:
    proxies = read(HTTPS_PROXY=PROXY, NO_PROXY=f"{entry} slack.com")
    assert proxies.ignored == (f"NO_PROXY: {entry} isn't a host, IP address, or network; ignored",)
    assert proxies.url_for("https://slack.com/") is None
    assert proxies.url_for("https://api.openai.com/") == PROXY


@pytest.mark.parametrize("entry", ["http://u:h1dd3n@proxy:3128", "u:h1dd3n@x", "u:h1dd3n@h1dd3n@x"])
def test_an_invalid_entry_is_named_without_a_password(entry: str) -> None:
    (said,) = read(HTTPS_PROXY=PROXY, NO_PROXY=entry).ignored
    assert said.endswith(" isn't a host, IP address, or network; ignored")
    assert "h1dd3n" not in said


ADDRESS = "must be a proxy URL like http://host:3128"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://proxy:1080", "is a SOCKS proxy (socks5://), which ftjob can't use; use an HTTP proxy"),
        (
            "socks5h://me:hunter2@proxy:1080",
            "is a SOCKS proxy (socks5h://), which ftjob can't use; use an HTTP proxy",
        ),
        ("SOCKS://proxy", "is a SOCKS proxy (socks://), which ftjob can't use; use an HTTP proxy"),
        ("ftp://me:hunter2@proxy", ADDRESS),
        ("http://me:hunter2@proxy:port", ADDRESS),
        ("http://me:hun/ter2@proxy:3128", ADDRESS),
        ("http://me:hunter2@", ADDRESS),
        ("http://proxy:0", ADDRESS),
        ("http://pro xy:3128", ADDRESS),
        ("http://a..b:3128", ADDRESS),
        (
            "http://me:hunter2\u20ac@proxy:1",
            "contains a username or password with characters that a proxy can't accept",
        ),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_an_invalid_proxy_is_one_line_without_its_password(name: str, value: str, said: str) -> None:
    proxies, problems = read_proxies({name: value})
    assert problems == [f"{name} {said}"]
    assert "hunter2" not in f"{proxies} {problems}"


def test_a_socks_proxy_for_other_schemes_stops_nothing() -> None:
    proxies = read(HTTPS_PROXY=PROXY, ALL_PROXY="socks://x:1")
    assert proxies.url_for("https://slack.com/") == PROXY
    assert proxies.url_for("http://127.0.0.1/") is None
    assert proxies.ignored == ("ALL_PROXY is a SOCKS proxy (socks://), which ftjob can't use; use an HTTP proxy",)
    _, problems = read_proxies({"HTTP_PROXY": PROXY, "ALL_PROXY": "socks://x:1"})
    assert len(problems) == 1


def test_a_password_is_not_shown() -> None:
    proxies = read(HTTPS_PROXY="http://me:hunter2@proxy:3128")
    assert "hunter2" not in repr(proxies)
    found = proxies.find("https://slack.com/")
    assert found is not None
    assert (found.name, found.host_port) == ("HTTPS_PROXY", "proxy:3128")
