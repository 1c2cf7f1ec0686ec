"""What a command can reach."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from bot.blocks.job import Surroundings
from bot.blocks.parts import code
from bot.commands.error_messages import upstream
from bot.commands.permissions import Policy
from bot.commands.rate_limit import Flood
from bot.delivery.charts import Charts
from bot.delivery.render import Drawing
from bot.errors import ProviderError, UserError
from bot.jobs.models import Job
from bot.providers.client import Client
from bot.providers.coalesced import SharedReads
from bot.slack.messages import Answer, Outgoing, Upload
from bot.store import Store
from bot.store.db.engine import Clock
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder


@dataclass(frozen=True)
class Context:
    """The parts that commands work with, put together by `app`."""

    accounts: Mapping[str, SharedReads]
    """Every account that is watched, by name; read for showing alone, beside the client of each."""
    account: str
    """The one that is worked with."""
    store: Store
    recorder: Recorder
    post: Callable[[Outgoing], Awaitable[Answer]]
    """Posts a message at once; what it says is true only if Slack took it."""
    upload: Callable[[Upload], Awaitable[str | None]]
    """Shares a picture; None where Slack did not take it."""
    charts: Charts
    wake: Callable[[], None]
    """Lets the sender and the editor look, after a commit that owes something or gives cards something to show."""
    notices: Notices
    policy: Policy
    flood: Flood
    clock: Clock
    """The time of day."""
    version: str
    interval: float
    """Seconds between sweeps."""
    drawing: Drawing
    """What messages show of accounts."""
    ages: Clock
    """By which ages in memory go."""
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)

    def turn(self, channel: str) -> asyncio.Lock:
        """Return the lock under which a channel's card or announcement is posted: two clicks at once are one."""
        return self._turns.setdefault(channel, asyncio.Lock())

    def around(self, job: Job, *, tracked: bool) -> Surroundings:
        """Return what a picture of a job of this account shows beside it."""
        return self.drawing.around(self.account, job, tracked=tracked)

    def at(self, account: str) -> "Context":
        """Return the same for another account.

        Raises:
            UserError: it is none of this bot's.
        """
        if account not in self.accounts:
            raise UserError(f"No account {code(account, 40)}: this bot watches {names(self.everywhere())}.")
        return replace(self, account=account)

    def everywhere(self) -> list["Context"]:
        """Return one for each account."""
        return [replace(self, account=name) for name in self.accounts]

    def meant(self, account: str | None) -> list["Context"]:
        """Return one for each account that a command is about: this one where it named an account, else all."""
        return [self] if account else self.everywhere()

    @property
    def shared(self) -> SharedReads:
        """The account, read for showing alone: people share these reads."""
        return self.accounts[self.account]

    @property
    def client(self) -> Client:
        """The account itself, for what decides something."""
        return self.shared.client

    @property
    def named(self) -> str | None:
        """The name of the account, where one has to be told from another."""
        return self.drawing.named(self.account)

    @property
    def place(self) -> str:
        """What to call the account in chat, safe mrkdwn."""
        return f"account {code(self.account)}" if self.named else self.client.account.place

    def upstream(self, error: ProviderError, job_id: str | None = None) -> str:
        """Return what a refusal of the account's API means for the person who asked, about a job where they named one."""
        return upstream(error, place=self.place, job_id=job_id, account=self.named)


def names(places: Iterable[Context]) -> str:
    """Return the names of accounts, safe mrkdwn."""
    return ", ".join(code(each.account) for each in places)
