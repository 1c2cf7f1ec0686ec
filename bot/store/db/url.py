"""DATABASE_URL, read as libpq and hosting platforms mean it: a file of SQLite's, or a PostgreSQL with libpq's options. Pure.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS lists the options. No error shows a value.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_SQLITE = re.compile(r"sqlite(?:\+\w+)?://(?P<host>[^/?]*)/?(?P<path>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL)
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+\w+)?://(.*)", re.DOTALL)
_HOST = re.compile(r"(?:\[(?P<v6>[^\]@/]+)\]|(?P<name>[^:\[\]@/?]*))(?::(?P<port>\d*))?")
_SHAPE = "must look like postgresql://user:password@host:5432/name"
_ENCODE = "write @ in a password as %40, / as %2F, and ? as %3F"

_MAX_PORTS = 65535

_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_ALLOWED = {
    "sslmode": SSL_MODES,
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "ssl_max_protocol_version": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "gsslib": ("gssapi", "sspi"),
    "gssencmode": ("disable", "prefer"),
}
"""Options that take one of a few values."""
_PARTS = {"host", "port", "user", "password", "dbname", "database"}
"""Options that set a part of the address, and override it."""
_TLS = {*_TLS_FILES, "sslmode", "sslpassword", "sslnegotiation", "ssl_min_protocol_version", "ssl_max_protocol_version"}
_SESSION = {"application_name", "options"}
_DRIVER = {"passfile", "service", "servicefile", "krbsrvname", "gsslib", "target_session_attrs"}
_HARMLESS = {
    *(
        "channel_binding",
        "client_encoding",
        "gssdelegation",
        "gssencmode",
        "load_balance_hosts",
        "max_protocol_version",
    ),
    *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "min_protocol_version"),
    *("sslcertmode", "sslcompression", "sslkeylogfile", "sslsni", "tcp_user_timeout"),
    *("prepared_statement_cache_size", "statement_cache_size"),
}
"""Options that asyncpg has no use for, and without which nothing is less safe: ftjob decides on its caches itself."""
_OF_SQLITE = {"cache", "cached_statements", "check_same_thread", "detect_types", "isolation_level", "timeout", "uri"}
"""Options of Python's SQLite: ftjob decides on each itself."""
_REFUSED = {
    "hostaddr",
    "replication",
    "require_auth",
    "requirepeer",
    "scram_client_key",
    "scram_server_key",
    "sslcrldir",
}
"""Options of libpq's that asyncpg lacks, and whose absence would change whom ftjob talks to."""


@dataclass(frozen=True)
class PostgresAddress:
    """Where a PostgreSQL is and how to connect to it."""

    hosts: tuple[str, ...] = ()
    """Names, addresses, or folders of Unix sockets; empty for the driver's default."""
    ports: tuple[int, ...] = ()
    """One for each host."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    tls: dict[str, str] = field(default_factory=dict, repr=False)
    """libpq's options about TLS, by their names."""
    session: dict[str, str] = field(default_factory=dict)
    """Session parameters for the server: ``application_name``, ``options``."""
    driver: dict[str, str] = field(default_factory=dict)
    """Options that asyncpg takes under libpq's names."""
    connect_timeout: int | None = None
    """Seconds; None for the default."""
    ignored: tuple[str, ...] = ()
    """Names of options without effect."""


@dataclass(frozen=True)
class SqliteAddress:
    """Which file an SQLite database is in."""

    path: str
    """Empty where it names none."""
    ignored: tuple[str, ...] = ()
    """Names of options without effect."""


def parse(url: str) -> PostgresAddress | SqliteAddress:
    """Return what an address says.

    Raises:
        ValueError: it cannot be used; says why, without a value.
    """
    if not all(character.isprintable() for character in url):
        raise ValueError("contains an invalid character, such as a line break; copy it again")
    if found := _SQLITE.fullmatch(url):
        return _sqlite(found)
    if not (found := _POSTGRES.fullmatch(url)):
        raise ValueError("must start with sqlite:/// or postgresql://")
    account, hosts, remaining = _split(found[1])
    path, _, query = remaining.partition("?")
    if "@" in path:
        raise ValueError(f"has an @ after the host; {_ENCODE}")
    user, _, password = account.partition(":")
    parts = {"user": _decoded(user), "password": _decoded(password), "dbname": _decoded(path.removeprefix("/"))}
    return _address(parts, hosts, _options(query))


def _sqlite(found: re.Match[str]) -> SqliteAddress:
    if found["host"]:
        raise ValueError("must look like sqlite:///ftjob.db, or sqlite:////data/ftjob.db for an absolute path")
    names = [_decoded(pair.partition("=")[0]) for pair in (found["query"] or "").split("&") if pair]
    for name in names:
        if name not in _OF_SQLITE:
            raise _unknown(name)
    return SqliteAddress(_decoded(found["path"]), tuple(names))


def _unknown(name: str) -> ValueError:
    return ValueError(f"has an unknown option {_printable(name)}; remove it, or check its spelling")


def _split(text: str) -> tuple[str, str, str]:
    """Return an address's user and password, its hosts, and what comes after them.

    Passwords in the wild hold characters that are not encoded; an ambiguous address is rejected.
    """
    head, remaining = _before_path(text)
    if "@" in head:
        account, _, hosts = head.rpartition("@")
        if ":" in account.partition("@")[2]:
            raise ValueError(f"has more than one @ before the host; {_ENCODE}")
    elif _are_hosts(head):
        account, hosts = "", head
    else:
        account, _, after = text.rpartition("@")
        hosts, remaining = _before_path(after)
    if not _are_hosts(hosts):
        raise ValueError(_SHAPE)
    return account, hosts, remaining


def _before_path(text: str) -> tuple[str, str]:
    end = next((n for n, character in enumerate(text) if character in "/?"), len(text))
    return text[:end], text[end:]


def _are_hosts(text: str) -> bool:
    return all(_HOST.fullmatch(each) for each in text.split(","))


def _options(query: str) -> dict[str, str]:
    """Return the options of an address, checked one by one."""
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, separator, value = pair.partition("=")
        name, value = _decoded(name), _decoded(value)
        if name == "ssl":  # JDBC's and asyncpg's word
            name, value = "sslmode", {"true": "require", "1": "require", "false": "disable"}.get(value, value)
        if not separator or name in options:
            raise ValueError(f"has the option {_printable(name)} {'twice' if separator else 'without a value'}")
        _check(name, value)
        options[name] = value
    return options


def _check(name: str, value: str) -> None:
    if name in _REFUSED:
        raise ValueError(f"has the option {name}, which ftjob doesn't support; remove it")
    if name not in _PARTS | _TLS | _SESSION | _DRIVER | _HARMLESS | {"connect_timeout", "fallback_application_name"}:
        raise _unknown(name)
    if name in _ALLOWED and value not in _ALLOWED[name]:
        raise ValueError(f"has an invalid option: {name} must be one of {', '.join(_ALLOWED[name])}")
    if name == "connect_timeout" and not re.fullmatch(r"-?\d{1,9}", value, re.ASCII):
        raise ValueError("has an invalid option: connect_timeout must be a whole number of seconds")


def _printable(name: str) -> str:
    """Return the name of an option, unless it looks like a part of a password."""
    return name if re.fullmatch(r"[A-Za-z][A-Za-z_.-]{0,40}", name) else "(not shown, as it may be part of a password)"


def _address(parts: dict[str, str], hosts: str, options: dict[str, str]) -> PostgresAddress:
    parts |= {"dbname": options["database"]} if "database" in options else {}
    parts |= {name: options[name] for name in ("user", "password", "dbname") if name in options}
    tls = {name: value for name, value in options.items() if name in _TLS and value}
    _check_tls(tls)
    session = {name: value for name, value in options.items() if name in _SESSION and value}
    if fallback := options.get("fallback_application_name"):
        session.setdefault("application_name", fallback)
    seconds = int(options.get("connect_timeout", 0))
    names, ports = _hosts_and_ports(options.get("host", hosts), options.get("port"))
    return PostgresAddress(
        names,
        ports,
        parts["user"] or None,
        parts["password"] or None,
        parts["dbname"] or None,
        tls,
        session,
        {name: value for name, value in options.items() if name in _DRIVER and value},
        seconds if seconds > 0 else None,
        tuple(sorted(_HARMLESS & set(options))),
    )


def _hosts_and_ports(hosts: str, ports: str | None) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the hosts and as many ports."""
    names, found = [], []
    for each in hosts.split(",") if hosts else []:
        match = _HOST.fullmatch(each)
        names.append(
            each if each.startswith("/") or not match else _decoded(match["v6"] or match["name"] or "localhost")
        )
        found.append((match["port"] if match else None) or "")
    given = ports.split(",") if ports else []
    if given and len(given) not in (1, len(names)):
        raise ValueError("must have one port, or one for each host")
    if given:
        found = given * (len(names) or 1) if len(given) == 1 else given
    if not names and any(found):
        names = ["localhost"] * len(found)
    return tuple(names), tuple(_port(each) for each in found)


def _port(text: str) -> int:
    if text and not (re.fullmatch(r"\d{1,5}", text, re.ASCII) and 0 < int(text) <= _MAX_PORTS):
        raise ValueError("has a port that isn't a number from 1 to 65535")
    return int(text or 5432)


def _check_tls(tls: dict[str, str]) -> None:
    if tls.get("sslrootcert") == "system" and tls.setdefault("sslmode", "verify-full") != "verify-full":
        raise ValueError("has an invalid option: sslrootcert=system requires sslmode=verify-full")
    if tls.get("sslnegotiation") == "direct" and tls.get("sslmode") not in ("require", "verify-ca", "verify-full"):
        raise ValueError(
            "has an invalid option: sslnegotiation=direct requires sslmode=require, verify-ca, or verify-full"
        )


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("contains %-encoded characters that aren't UTF-8") from None
    if "\0" in decoded:
        raise ValueError("contains %00, which isn't allowed in a name or password")
    return decoded
