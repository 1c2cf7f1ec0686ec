"""Repositories of jobs, tracks, deliveries, accounts and actions on one SQLite or PostgreSQL database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.runtime.clock import Clock
from bot.store.accounts.leases import AccountLeases
from bot.store.accounts.orphaned_tracks import OrphanedTracks
from bot.store.accounts.outages import Outages
from bot.store.actions.audit import Audit
from bot.store.actions.confirmations import Confirmations
from bot.store.actions.idempotency import IdempotencyKeys
from bot.store.channels.direct import DirectMessages
from bot.store.channels.moves import ChannelMoves
from bot.store.channels.mutes import Mutes
from bot.store.channels.preferences import ChannelPreferences
from bot.store.channels.subscriptions import Subscriptions
from bot.store.channels.tracks import Tracks
from bot.store.db.engine import Database, Transaction, open_database
from bot.store.db.identity import StoreIdentity, identify, save, write_lock_file
from bot.store.db.migrate import upgrade
from bot.store.db.postgres import TRANSACTION_TIMEOUT
from bot.store.jobs.cards import Cards
from bot.store.jobs.changes import Changes
from bot.store.jobs.jobs import Jobs
from bot.store.jobs.names import JobNames
from bot.store.jobs.read_failures import ReadFailures
from bot.store.jobs.snapshots import JobSnapshots
from bot.store.outbox.dead_letters import DeadLetters
from bot.store.outbox.deliveries import Outbox
from bot.store.training.logs import TrainingLogs
from bot.store.training.metrics import TrainingMetrics
from bot.store.training.runs import TrainingRuns


@dataclass(frozen=True)
class JobStore:
    """Repositories of jobs."""

    states: Jobs
    changes: Changes
    snapshots: JobSnapshots
    names: JobNames
    cards: Cards
    read_failures: ReadFailures


@dataclass(frozen=True)
class OutboxStore:
    """Repositories of deliveries."""

    deliveries: Outbox
    dead_letters: DeadLetters


@dataclass(frozen=True)
class ChannelStore:
    """Repositories of tracks, subscriptions, mutes and preferences of channels and people."""

    tracks: Tracks
    subscriptions: Subscriptions
    mutes: Mutes
    preferences: ChannelPreferences
    direct_messages: DirectMessages
    moves: ChannelMoves


@dataclass(frozen=True)
class AccountStore:
    """Repositories of accounts."""

    leases: AccountLeases
    outages: Outages
    orphaned_tracks: OrphanedTracks


@dataclass(frozen=True)
class ActionStore:
    """Repositories of actions."""

    confirmations: Confirmations
    idempotency_keys: IdempotencyKeys
    audit: Audit


@dataclass(frozen=True)
class TrainingStore:
    """Repositories of the runs that a team's own trainers push."""

    runs: TrainingRuns
    metrics: TrainingMetrics
    logs: TrainingLogs


@dataclass(frozen=True)
class Store:
    """Repositories, grouped by subject; all of them share one database."""

    db: Database
    jobs: JobStore
    outbox: OutboxStore
    channels: ChannelStore
    accounts: AccountStore
    actions: ActionStore
    training: TrainingStore
    identity: StoreIdentity
    """The id and origin of this store. A new id counts once it is saved and written to the lock file."""

    async def save_identity(self, tx: Transaction) -> None:
        """Save the identity in the caller's transaction, which also enqueues the notice about its origin."""
        await save(self.db, tx, self.identity)

    def remember_identity(self) -> None:
        """Write the identity to the lock file, once that transaction is committed."""
        write_lock_file(self.db, self.identity)


@asynccontextmanager
async def open_store(
    url: str, clock: Clock, monotonic: Clock | None = None, *, transaction_timeout: float = TRANSACTION_TIMEOUT
) -> AsyncIterator[Store]:
    """Open the database at ``url``, bring its schema up to date, and close it at the end.

    Raises:
        StoreInUse: another process has the SQLite file.
        StoreLocked: another program keeps it locked.
        StoreDamaged: the file is corrupt; nothing was changed.
        FtjobError: the schema is newer than this program.
    """
    async with open_database(url, clock, monotonic, transaction_timeout=transaction_timeout) as db:
        await upgrade(db)
        identity = await identify(db)
        tracks, jobs = Tracks(db), Jobs(db)
        yield Store(
            db=db,
            jobs=JobStore(jobs, Changes(db), JobSnapshots(db), JobNames(db), Cards(db), ReadFailures(db)),
            outbox=OutboxStore(Outbox(db), DeadLetters(db)),
            channels=ChannelStore(
                tracks,
                Subscriptions(db),
                Mutes(db),
                ChannelPreferences(db),
                DirectMessages(db),
                ChannelMoves(db, tracks),
            ),
            accounts=AccountStore(AccountLeases(db), Outages(db), OrphanedTracks(jobs)),
            actions=ActionStore(Confirmations(db), IdempotencyKeys(db), Audit(db)),
            training=TrainingStore(TrainingRuns(db), TrainingMetrics(db), TrainingLogs(db)),
            identity=identity,
        )
