"""What a command can reach."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from bot.blocks.job import JobLinks
from bot.blocks.parts import code_span
from bot.commands.error_messages import provider_error
from bot.commands.permissions import Policy
from bot.commands.rate_limit import RateLimiter
from bot.delivery.charts import Charts
from bot.delivery.render import RenderContext
from bot.errors import ProviderError, UserError
from bot.jobs.models import Job
from bot.providers.client import Client
from bot.providers.coalesced import CoalescedReads
from bot.slack.messages import FileUpload, OutgoingMessage, PostResult
from bot.store import Store
from bot.store.db.engine import Clock
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder


@dataclass(frozen=True)
class Context:
    """The parts that commands work with, put together by `app`."""

    accounts: Mapping[str, CoalescedReads]
    """Every account that is watched, by name; read for showing alone, beside the client of each."""
    account: str
    """The one that is worked with."""
    store: Store
    recorder: Recorder
    post: Callable[[OutgoingMessage], Awaitable[PostResult]]
    """Posts a message at once; what it says is true only if Slack took it."""
    upload: Callable[[FileUpload], Awaitable[str | None]]
    """Shares a picture; None where Slack did not take it."""
    charts: Charts
    notices: Notices
    policy: Policy
    rate_limiter: RateLimiter
    clock: Clock
    """The time of day."""
    version: str
    interval: float
    """Seconds between sweeps."""
    drawing: RenderContext
    """What messages show of accounts."""
    monotonic: Clock
    """By which ages in memory go."""
    _channel_locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)

    def channel_lock(self, channel: str) -> asyncio.Lock:
        """Return the lock under which a channel's card or announcement is posted: two clicks at once are one."""
        return self._channel_locks.setdefault(channel, asyncio.Lock())

    def around(self, job: Job, *, tracked: bool) -> JobLinks:
        """Return what a picture of a job of this account shows beside it."""
        return self.drawing.job_links(self.account, job, tracked=tracked)

    def for_account(self, account: str) -> "Context":
        """Return the same for another account.

        Raises:
            UserError: it is none of this bot's.
        """
        if account not in self.accounts:
            raise UserError(
                f"No account {code_span(account, 40)}: this bot watches {account_names(self.all_accounts())}."
            )
        return replace(self, account=account)

    def all_accounts(self) -> list["Context"]:
        """Return one for each account."""
        return [replace(self, account=name) for name in self.accounts]

    def selected_accounts(self, account: str | None) -> list["Context"]:
        """Return one for each account that a command is about: this one where it named an account, else all."""
        return [self] if account else self.all_accounts()

    @property
    def reads(self) -> CoalescedReads:
        """The account, read for showing alone: people share these reads."""
        return self.accounts[self.account]

    @property
    def client(self) -> Client:
        """The account itself, for what decides something."""
        return self.reads.client

    @property
    def display_name(self) -> str | None:
        """The name of the account, where one has to be told from another."""
        return self.drawing.display_name(self.account)

    @property
    def label(self) -> str:
        """What to call the account in chat, safe mrkdwn."""
        return f"account {code_span(self.account)}" if self.display_name else self.client.account.display_name

    def error_text(self, error: ProviderError, job_id: str | None = None) -> str:
        """Return what a refusal of the account's API means for the person who asked, about a job where they named one."""
        return provider_error(error, place=self.label, job_id=job_id, account=self.display_name)


def account_names(places: Iterable[Context]) -> str:
    """Return the names of accounts, safe mrkdwn."""
    return ", ".join(code_span(each.account) for each in places)
