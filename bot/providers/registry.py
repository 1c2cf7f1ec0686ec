"""Registry of dialects: ours and those of other packages, found by the entry points of ``ftjob.dialects``."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from bot.jobs.ids import JobPages
from bot.providers.account import Account
from bot.providers.dialect import Dialect

GROUP = "ftjob.dialects"


@cache
def dialects() -> dict[str, Dialect]:
    """Return every installed dialect by its ID, OpenAI's first.

    Raises:
        ValueError: a package's dialect cannot be imported, is none, or has the ID of another one.
    """
    found: dict[str, Dialect] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name != "openai", each.name)):
        dialect = _loaded(entry)
        if dialect.id in found:
            raise ValueError(f"two installed dialects are called {dialect.id!r}; uninstall one")
        found[dialect.id] = dialect
    return found


def dialect_of(account: Account) -> Dialect:
    """Return the dialect for an account, with its options applied."""
    dialect = replace(dialects()[account.provider], base_url=account.base_url)
    return dialect.configure(dialect, account)


@cache
def installed_job_pages() -> JobPages:
    """Return the job pages of every installed dialect."""
    return JobPages.of(pattern for dialect in dialects().values() for pattern in page_patterns(dialect))


def page_patterns(dialect: Dialect) -> Iterator[tuple[str, str]]:
    """Yield the URL patterns of a dialect's job pages, each with the prefix of the IDs of its jobs."""
    for listing in dialect.listings:
        for url in (listing.job_page, *listing.other_job_pages):
            yield url, listing.id_prefix


def _loaded(entry: EntryPoint) -> Dialect:
    try:
        dialect = entry.load()
    except Exception as error:
        raise ValueError(f"the dialect {entry.name!r} ({entry.value}) can't be imported: {error}") from error
    if not isinstance(dialect, Dialect):
        raise ValueError(f"the dialect {entry.name!r} ({entry.value}) isn't a bot.providers.dialect.Dialect")  # noqa: TRY004 - settings report ValueError
    return dialect
