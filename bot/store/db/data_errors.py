"""Data errors: database errors that are caused by the data of a statement, not by the database.

Without that data the write may succeed; after a lost connection or a full disk it would not.
"""

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from bot.store.db.reasons import sqlstate_of

_CLASSES = frozenset({"21", "22", "23", "40", "54"})
"""Of SQLSTATE: cardinality, data, integrity, a transaction that others made impossible, limits of the program.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""
_PASSING = frozenset({"40"})
"""Those of them that pass: a deadlock, a transaction that another one made impossible."""
_STATES = frozenset({"57014", "55P03"})
"""A statement that took too long, a lock that was not given."""
_OF_SQLITE = ("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH")


def is_data_error(error: Exception) -> bool:
    """Return whether a write failed because of its data, so that it may succeed with other data."""
    if isinstance(error, DBAPIError):
        return not error.connection_invalidated and _is_data_error(error.orig)
    if isinstance(error, StatementError):
        return True  # a value that the driver cannot bind
    # What is neither the database's nor the network's error is the value's, or a bug that this value meets.
    return not isinstance(error, SQLAlchemyError | OSError)


def is_rejected_value(error: Exception) -> bool:
    """Return whether a database would reject the same data again: not a deadlock, a timeout, or a bug of ours."""
    if isinstance(error, DBAPIError):
        state = sqlstate_of(error.orig)
        return (
            not error.connection_invalidated
            and _is_data_error(error.orig)
            and state[:2] not in _PASSING
            and state not in _STATES
        )
    return isinstance(error, StatementError)


def _is_data_error(said: BaseException | None) -> bool:
    if state := sqlstate_of(said):
        return state[:2] in _CLASSES or state in _STATES
    if name := getattr(said, "sqlite_errorname", None):
        return str(name).startswith(_OF_SQLITE)
    # Refused by the driver, before the database saw it.
    return isinstance(said, ValueError | TypeError | OverflowError) or (
        said is not None and isinstance(said.__cause__, ValueError | TypeError | OverflowError)
    )
