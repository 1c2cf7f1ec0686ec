"""Every error of ours, and who gets to read it.

FtjobError
|- UserError            a person asked for what cannot be done; the text is written for them
|- SettingsError        the environment is wrong; carries all problems at once
|- StoreInUse           another process has the SQLite file
|- StoreLocked          another program keeps the SQLite file locked
|- StoreDamaged         the SQLite file cannot be trusted
|- StoreUnusable        the database cannot be used; says why, and whether a later start may help
|- ChartNotDrawn        a picture could not be made
|- ProviderError        a fine-tuning API did not do what was asked
   |- NotFound          no such job in this project
   |- NotOffered        the provider has no such thing; nothing was asked
   |- AccessRefused     whoever asks is not let in; says why: the key, the account, the place, something before the API
   |- RequestRefused    the API understood and said no, as to a cancel of a finished job
   |  |- TrainingClosed  it takes no new jobs from this organisation any more
   |- RateLimited       not now; says how long to wait
   |  |- QuotaSpent      not before somebody pays, or raises a limit
   |- BrokenAnswer      an answer that is not what the API's contract says
   |  |- ForeignAnswer  it is about another job, or another organisation's
   |- Unreachable       no answer; says whether the request may have been carried out
"""

from enum import StrEnum


class FtjobError(Exception):
    """The root of the tree."""


class UserError(FtjobError):
    """Its text is shown to the person who asked; it says what to do next."""


class SettingsError(FtjobError):
    """The settings cannot be used."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        """One sentence a problem, without any secret value."""


class StoreInUse(FtjobError):
    """Another process holds the SQLite file."""


class StoreLocked(FtjobError):
    """Another program, such as a backup, keeps the SQLite file locked; nothing is wrong with the file."""


class StoreDamaged(FtjobError):
    """The SQLite file is no database, was cut, or a part of it is broken; its text says what to do."""


class StoreUnusable(FtjobError):
    """The database cannot be used; its text says why and what to do, without a secret."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        """75 where a later start may find it mended."""


class ChartNotRendered(FtjobError):
    """The process that draws broke or hung; its text is for the log."""


class ProviderError(FtjobError):
    """A fine-tuning API did not do what was asked."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id
        """The API's own id of the request (``x-request-id``), for its support."""


class NotFound(ProviderError):
    """The job does not exist, or belongs to another project or organisation."""


class NotSupported(ProviderError):
    """The provider has no such thing, so that it was not asked; its text is shown to the person."""


class AccessDenialReason(StrEnum):
    """Why an API lets nobody in."""

    KEY = "key"
    """The key is wrong, expired or revoked."""
    PERMISSION = "rights"
    """The key is good, but not for this."""
    ACCOUNT = "account"
    """The account behind the key is closed or suspended."""
    PROJECT = "project"
    """The organization or project that is named does not go with the key."""
    REGION = "place"
    """The country or region that the request came from."""
    IP_ADDRESS = "address"
    """The IP address that the request came from."""
    INTERMEDIARY = "in_between"
    """It was not the API that refused, but a proxy, a firewall or a service before it."""


class AccessDenied(ProviderError):
    """The API does not let the bot do this; ``reason`` says what it is about."""

    def __init__(
        self,
        message: str,
        *,
        reason: AccessDenialReason = AccessDenialReason.KEY,
        missing_scope: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.reason = reason
        self.missing_scope = missing_scope
        """The scope that the key lacks ("api.fine_tuning.jobs.write"), where the API named one."""


class RequestRejected(ProviderError):
    """The API understood the request and refused it."""


class TrainingClosed(RequestRejected):
    """The API takes no new jobs from this organisation any more."""


class RateLimited(ProviderError):
    """The API asks for a pause."""

    def __init__(self, message: str, *, retry_after: float, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after = retry_after
        """Seconds to wait."""


class QuotaExceeded(RateLimited):
    """The account has no money or quota left, which is no rate limit: it takes a person to change that."""


class InvalidResponse(ProviderError):
    """An answer that is not what the API's contract says; it changes nothing."""

    def __init__(self, message: str, *, request_id: str | None = None, prefix: bytes | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.prefix = prefix
        """The first bytes of an answer that was too large to be read; None of every other."""

    @property
    def is_too_large(self) -> bool:
        """Whether there was more than is read; a smaller part may be had."""
        return self.prefix is not None


class MismatchedResponse(InvalidResponse):
    """An answer about another job than was asked for, or about one of another organisation."""


class Unreachable(ProviderError):
    """No usable answer came."""

    def __init__(self, message: str, *, may_have_executed: bool, todo: str = "", request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.todo = todo
        """What whoever runs the bot has to do, where it takes a person: {address} stands for the setting with the address."""
        self.may_have_executed = may_have_executed
        """Whether the request may have reached the API and been carried out."""
