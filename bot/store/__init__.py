"""Memory: what the bot knows of jobs, who follows them, and which alerts are still owed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.store.accounts.heirs import Heirs
from bot.store.accounts.leases import Accounts
from bot.store.accounts.outages import Outages
from bot.store.actions.audit import Audit
from bot.store.actions.confirmations import Questions
from bot.store.actions.idempotency import Requests
from bot.store.channels.direct import DirectMessages
from bot.store.channels.moves import Moves
from bot.store.channels.mutes import Mutes
from bot.store.channels.preferences import Channels
from bot.store.channels.tracks import Tracks
from bot.store.db.engine import Clock, Database, Transaction, open_database
from bot.store.db.identity import Identity, identify, keep, remember
from bot.store.db.migrate import upgrade
from bot.store.db.postgres import LONGEST
from bot.store.jobs.cards import Cards
from bot.store.jobs.changes import Changes
from bot.store.jobs.jobs import Jobs
from bot.store.jobs.snapshots import Pictures
from bot.store.jobs.unread import Unread
from bot.store.outbox.dead_letters import Undelivered
from bot.store.outbox.deliveries import Outbox
from bot.store.sqlite.integrity import in_words


@dataclass(frozen=True)
class Store:
    """One part a family of questions; all of them share one database."""

    db: Database
    accounts: Accounts
    jobs: Jobs
    changes: Changes
    unread: Unread
    tracks: Tracks
    mutes: Mutes
    channels: Channels
    moves: Moves
    heirs: Heirs
    direct: DirectMessages
    cards: Cards
    pictures: Pictures
    outbox: Outbox
    questions: Questions
    requests: Requests
    audit: Audit
    outages: Outages
    undelivered: Undelivered
    identity: Identity
    """Which store it is; it counts, and its story is over, once it is kept and remembered."""

    async def keep_identity(self, tx: Transaction) -> None:
        """Write the identity, in the transaction that says what is to be said of it."""
        await keep(self.db, tx, self.identity)

    def remember_identity(self) -> None:
        """Let the next start know this store again, once that transaction is committed."""
        remember(self.db, self.identity)


@asynccontextmanager
async def open_store(
    url: str, clock: Clock, ages: Clock | None = None, *, longest: float = LONGEST
) -> AsyncIterator[Store]:
    """Open the database at ``url``, bring its schema up to date, and close it at the end.

    Raises:
        StoreInUse: another process has the SQLite file.
        StoreLocked: another program keeps it locked.
        StoreDamaged: it cannot be trusted; nothing was changed.
        FtjobError: the schema is newer than this program.
    """
    async with open_database(url, clock, ages, longest=longest) as db:
        with in_words(db.path):
            await upgrade(db)
            identity = await identify(db)
        tracks, jobs = Tracks(db), Jobs(db)
        yield Store(
            db=db,
            accounts=Accounts(db),
            jobs=jobs,
            changes=Changes(db),
            unread=Unread(db),
            tracks=tracks,
            mutes=Mutes(db),
            channels=Channels(db),
            moves=Moves(db, tracks),
            heirs=Heirs(jobs),
            direct=DirectMessages(db),
            cards=Cards(db),
            pictures=Pictures(db),
            outbox=Outbox(db),
            questions=Questions(db),
            requests=Requests(db),
            audit=Audit(db),
            outages=Outages(db),
            undelivered=Undelivered(db),
            identity=identity,
        )
