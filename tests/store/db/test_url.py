"""DATABASE_URL as hosting platforms and libpq's manual write it."""

from typing import Any

import pytest

from bot.store.db.url import SSL_MODES, PostgresAddress, SqliteAddress, parse

CANARY = "c4n4ry"


def of(**parts: Any) -> PostgresAddress:
    """Return an address of the server "h", but for what is named."""
    given: dict[str, Any] = {"hosts": ("h",), "ports": (5432,), **parts}
    return PostgresAddress(**given)


ADDRESSES: dict[str, PostgresAddress] = {
    "postgres://u:p@h:5/d": of(ports=(5,), user="u", password="p", database="d"),
    "postgresql://u:p@h/d": of(user="u", password="p", database="d"),
    "postgresql+psycopg2://u:p@h/d": of(user="u", password="p", database="d"),
    "postgresql://h": of(),
    "postgresql://": PostgresAddress(),
    "postgresql://u@[::1]:5/d": of(hosts=("::1",), ports=(5,), user="u", database="d"),
    # passwords
    "postgres://u:p%40%2F%3A@h/d": of(user="u", password="p@/:", database="d"),
    "postgres://u:p/a#s?s:w@rd@h:5/d": of(ports=(5,), user="u", password="p/a#s?s:w@rd", database="d"),
    "postgres://u:100%@h/d": of(user="u", password="100%", database="d"),
    "postgres://u:a+b@h/d": of(user="u", password="a+b", database="d"),
    "postgresql://h/d?user=u&password=p%26%3D": of(user="u", password="p&=", database="d"),
    # Unix sockets
    "postgresql:///d?host=/var/run": of(hosts=("/var/run",), database="d"),
    "postgresql://h/d?host=%2Fvar%2Frun&port=6": of(hosts=("/var/run",), ports=(6,), database="d"),
    "postgresql://u@%2Fvar%2Frun/d": of(hosts=("/var/run",), user="u", database="d"),
    # several hosts
    "postgresql://a:1,b/d?target_session_attrs=primary": of(
        hosts=("a", "b"), ports=(1, 5432), database="d", driver={"target_session_attrs": "primary"}
    ),
    "postgresql:///d?host=a,b&port=1,2": of(hosts=("a", "b"), ports=(1, 2), database="d"),
    "postgresql:///d?host=a,b&port=9": of(hosts=("a", "b"), ports=(9, 9), database="d"),
    # options
    "postgres://h/d?sslmode=require&channel_binding=require": of(
        database="d", tls={"sslmode": "require"}, ignored=("channel_binding",)
    ),
    "postgres://h/d?sslmode=prefer&sslrootcert=/etc/ssl/ca.pem": of(
        database="d", tls={"sslmode": "prefer", "sslrootcert": "/etc/ssl/ca.pem"}
    ),
    "postgres://h/d?sslcert=c.crt&sslkey=c.key&sslpassword=x": of(
        database="d", tls={"sslcert": "c.crt", "sslkey": "c.key", "sslpassword": "x"}
    ),
    "postgres://h/d?ssl=true": of(database="d", tls={"sslmode": "require"}),
    "postgres://h/d?sslrootcert=system": of(database="d", tls={"sslrootcert": "system", "sslmode": "verify-full"}),
    "postgres://h/d?connect_timeout=10": of(database="d", connect_timeout=10),
    "postgres://h/d?connect_timeout=0": of(database="d"),
    "postgres://h/d?application_name=my%20bot": of(database="d", session={"application_name": "my bot"}),
    "postgres://h/d?fallback_application_name=bot": of(database="d", session={"application_name": "bot"}),
    "postgres://h/d?options=-c%20search_path%3Da@b": of(database="d", session={"options": "-c search_path=a@b"}),
    "postgres://h/d?keepalives=1&keepalives_idle=30&gssencmode=disable": of(
        database="d", ignored=("gssencmode", "keepalives", "keepalives_idle")
    ),
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_of_a_server_is_read_as_libpq_reads_it(url: str) -> None:
    assert parse(url) == ADDRESSES[url]


@pytest.mark.parametrize("mode", SSL_MODES)
def test_each_mode_of_libpq_is_known(mode: str) -> None:
    assert parse(f"postgresql://h/d?sslmode={mode}") == of(database="d", tls={"sslmode": mode})


FILES: dict[str, SqliteAddress] = {
    "sqlite:///ftjob.db": SqliteAddress("ftjob.db"),
    "sqlite:////data/ftjob.db": SqliteAddress("/data/ftjob.db"),
    "sqlite+aiosqlite:///./a%20b.db": SqliteAddress("./a b.db"),
    "sqlite:///ftjob.db?timeout=20&check_same_thread=false": SqliteAddress(
        "ftjob.db", ("timeout", "check_same_thread")
    ),
    "sqlite://": SqliteAddress(""),
}


@pytest.mark.parametrize("url", FILES)
def test_an_address_of_a_file_names_it(url: str) -> None:
    assert parse(url) == FILES[url]


SHAPE = "must look like postgresql://user:password@host:5432/name"
TWO_READINGS = "has more than one @ before the host; write @ in a password as %40, / as %2F, and ? as %3F"
WRONG: dict[str, str] = {
    "": "must start with sqlite:/// or postgresql://",
    f"mysql://u:{CANARY}@h/d": "must start with sqlite:/// or postgresql://",
    f"sqlite:{CANARY}.db": "must start with sqlite:/// or postgresql://",
    f"sqlite://{CANARY}.db": "must look like sqlite:///ftjob.db, or sqlite:////data/ftjob.db for an absolute path",
    "sqlite:///ftjob.db?mode=memory": "has an unknown option mode; remove it, or check its spelling",
    f"postgresql://u:p@h:{CANARY}@host/d": TWO_READINGS,
    f"postgresql://u:{CANARY}@h:5432@host:5432/d": TWO_READINGS,
    f"postgresql://u:p@h/{CANARY}@host/d": TWO_READINGS.replace("more than one @ before", "an @ after"),
    f"postgresql://u:{CANARY}": SHAPE,
    f"postgresql://u:p@h:{CANARY}/d": SHAPE,
    f"postgresql://u:p@[{CANARY}/d": SHAPE,
    "postgresql://u:p@h:99999/d": "has a port that isn't a number from 1 to 65535",
    "postgresql://u:p@h:0/d": "has a port that isn't a number from 1 to 65535",
    f"postgresql://u:p@h/d?port={CANARY}": "has a port that isn't a number from 1 to 65535",
    "postgresql://a,b,c/d?port=1,2": "must have one port, or one for each host",
    "postgresql://u:p@h/d?pgbouncer=true": "has an unknown option pgbouncer; remove it, or check its spelling",
    "postgresql://u:p@h/d?schema=public": "has an unknown option schema; remove it, or check its spelling",
    f"postgresql://u:p@h/d?ssl_mode={CANARY}": "has an unknown option ssl_mode; remove it, or check its spelling",
    f"postgresql://u:p@h/d?{CANARY}=1": (
        "has an unknown option (not shown, as it may be part of a password); remove it, or check its spelling"
    ),
    "postgresql://u:p@h/d?hostaddr=10.0.0.1": "has the option hostaddr, which ftjob doesn't support; remove it",
    "postgresql://u:p@h/d?sslmode": "has the option sslmode without a value",
    "postgresql://u:p@h/d?sslmode=require&sslmode=disable": "has the option sslmode twice",
    f"postgresql://u:p@h/d?sslmode={CANARY}": f"has an invalid option: sslmode must be one of {', '.join(SSL_MODES)}",
    "postgresql://u:p@h/d?sslmode=no-verify": f"has an invalid option: sslmode must be one of {', '.join(SSL_MODES)}",
    "postgresql://u:p@h/d?target_session_attrs=master": (
        "has an invalid option: target_session_attrs must be one of any, read-write, read-only, primary, standby, "
        "prefer-standby"
    ),
    f"postgresql://u:p@h/d?connect_timeout={CANARY}": (
        "has an invalid option: connect_timeout must be a whole number of seconds"
    ),
    "postgresql://u:p@h/d?gssencmode=require": "has an invalid option: gssencmode must be one of disable, prefer",
    "postgresql://u:p@h/d?sslrootcert=system&sslmode=require": (
        "has an invalid option: sslrootcert=system requires sslmode=verify-full"
    ),
    f"postgresql://u:{CANARY}\n@h/d": "contains an invalid character, such as a line break; copy it again",
    f"postgresql://u:{CANARY}%00@h/d": "contains %00, which isn't allowed in a name or password",
    f"postgresql://u:{CANARY}%ff@h/d": "contains %-encoded characters that aren't UTF-8",
}


@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_cannot_be_used_is_refused_without_a_value(url: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its text is compared below
        parse(url)
    assert str(refused.value) == WRONG[url]
    assert CANARY not in f"{refused.value}{refused.value.__cause__}"


def test_an_address_does_not_show_its_secrets() -> None:
    address = parse(f"postgresql://u:{CANARY}@h/d?sslpassword={CANARY}")
    assert CANARY not in repr(address)
