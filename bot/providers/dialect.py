"""Dialect: how one provider's API is asked and read, as data. Pure.

What a dialect does not name does not exist: no button offers it, no request asks for it, and no field of a response is kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict

from bot.jobs.actions import JobAction
from bot.jobs.statuses import FINAL_PHASES, KNOWN_STATUSES, Phase, canonical_status, phase_of
from bot.providers.account import Account
from bot.providers.auth import Auth
from bot.providers.fields import FieldReader, Fields

UNRECOGNIZED = "?"
"""What follows a status that means something else at other providers."""


@dataclass(frozen=True)
class Pages:
    """How a list is divided into pages."""

    size: str = "limit"
    """Query parameter with the number of items."""
    cursor: str = "after"
    """Query parameter with the cursor."""
    next_token: str | None = None
    """Field with the cursor of the next page. None if the cursor is the last item's ID, and ``has_more`` tells its end."""


BY_ID = Pages()


@dataclass(frozen=True)
class ItemList:
    """A list of events, checkpoints, metrics, files or models."""

    path: str
    """Behind the job's path, or behind the base URL if it belongs to no job."""
    fields: Fields
    items: str = "data"
    """Field with the items."""
    pages: Pages | None = None
    """None if the whole list comes at once."""
    oldest_first: bool = False
    """Order of items of the same second."""
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MetricsFile:
    """A file with a row of metrics on each line, as JSON, at a signed URL: it is fetched without the account's key."""

    url: FieldReader
    """Reads the URL from a response of the API."""
    row: Fields
    """Reads ``step`` and the columns of ``jobs.results`` from a line."""
    path: str = ""
    """Of the request whose response has the URL, behind the job's path; "" is the job itself."""


@dataclass(frozen=True)
class Listing:
    """The list of one kind of jobs; a provider may have several."""

    path: str
    """May contain {organization} and {project} of the account."""
    job_page: str
    """URL of a job's page, with {job} for its ID."""
    other_job_pages: tuple[str, ...] = ()
    """Other URLs under which people know the page."""
    items: str = "data"
    pages: Pages | None = None
    sort: tuple[str, str] | None = None
    """Query parameter for newest first, if the provider may refuse or ignore it; then all pages are read and sorted."""
    id_prefix: str = ""
    """Prefix that tells its jobs' IDs from other words, and from those of other kinds; the provider's own ID follows."""
    filters_metadata: bool = False
    metrics_file: MetricsFile | None = None


@dataclass(frozen=True)
class Call:
    """A POST request that acts on a job."""

    path: str
    """Behind the job's path."""
    body: Mapping[str, Any] | None = None


class NoOptions(BaseModel):
    """Options of an account whose provider has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def unchanged(dialect: "Dialect", _account: Account) -> "Dialect":
    """Return the dialect as it is: the same for each account."""
    return dialect


@dataclass(frozen=True)
class Dialect:
    """How one provider's API is asked and read."""

    id: str
    """What the configuration file calls the provider: "together"."""
    name: str
    """What messages call it: "Together"."""
    base_url: str | None
    """Without a trailing slash; None if each account has its own."""
    auth: Auth
    listings: tuple[Listing, ...]
    job: Fields
    """Fields of ``models.Job`` and how they are read; no other field of a response is kept."""
    statuses: Mapping[str, str]
    """Status of ``jobs.statuses`` for each of the provider's words, in lower case."""
    status_prefix: str = ""
    """What each of its words begins with, in lower case: "job_state_"."""
    only_in: Mapping[str, frozenset[Phase]] = field(default_factory=dict)
    """Fields that mean something in these phases only."""
    query: tuple[tuple[str, str], ...] = ()
    """Query parameters of every request."""

    actions: Mapping[JobAction, Call] = field(default_factory=dict)
    events: ItemList | None = None
    explained_in_log: frozenset[Phase] = frozenset()
    """How jobs end whose reason may be in their log only, as its last error."""
    checkpoints: ItemList | None = None
    metrics: ItemList | None = None
    """Rows with ``step`` and the columns of ``jobs.results``."""
    files: ItemList | None = None
    """Files of which a new job can be made."""
    file_content: str | None = None
    """Path of a file's contents, with {file} for its ID."""
    models: ItemList | None = None

    is_pushed: bool = False
    """Whether there is no API: trainers push their jobs to the bot, which answers from what it was sent."""
    page_label: str = ""
    """What a button that opens a job's page says, if not "Open in" and the provider's name."""
    hint: str | None = None
    """What the provider requires before a new model can be called, safe mrkdwn."""
    create_with: str = ""
    """How to create jobs, as one sentence, where ftjob cannot."""
    options: type[BaseModel] = NoOptions
    """What an account's section of the configuration file may have beside the common settings.

    An account whose options have a false ``needs_key`` may be without a key.
    """
    configure: Callable[["Dialect", Account], "Dialect"] = unchanged
    """Returns the dialect for an account's options; raises ``ValueError`` if they contradict each other."""
    organization: str | None = None
    """What the account's organization is, if it is required: "your Fireworks account ID"."""
    endpoint: str = ""
    """What an account's base URL is, if each has its own: "the resource's endpoint, such as https://..."."""

    def status_of(self, word: str) -> str:
        """Return the status for a provider's word; an unknown word stays as it is, and is never final."""
        known = word.lower().removeprefix(self.status_prefix)
        if known in self.statuses:
            # Its spelling is kept: "notRunning" is two words.
            return word if self.statuses[known] == word.lower() else self.statuses[known]
        own = word if known == word.lower() else known
        return f"{own}{UNRECOGNIZED}" if canonical_status(known) in KNOWN_STATUSES else own

    def listing_of(self, job_id: str) -> Listing:
        """Return the list that a job is in, by the prefix of its ID."""
        fitting = [each for each in self.listings if job_id.startswith(each.id_prefix)]
        return max(fitting or self.listings[:1], key=lambda each: len(each.id_prefix))

    def normalized(self, item: Any, listing: Listing) -> dict[str, Any] | None:
        """Return a job of a response in the fields of ``models.Job``; None if it is no object or has no ID."""
        if not isinstance(item, dict):
            return None
        body = {name: value for name, read in self.job.items() if (value := read(item)) is not None}
        if not isinstance(body.get("id"), str):
            return None
        word = body.get("status")
        status = self.status_of(word if isinstance(word, str) else "")
        phase = phase_of(status)
        kept = {name: value for name, value in body.items() if phase in self.only_in.get(name, (phase,))}
        return kept | {"id": listing.id_prefix + body["id"], "status": status}


FINAL = FINAL_PHASES
SUCCEEDED = frozenset({Phase.SUCCEEDED})
FAILED = frozenset({Phase.FAILED})
