"""Exception hierarchy of the bot, and who reads the message of each.

FtjobError
|- UserError            an invalid request of a person; its text is shown to them
|- SettingsError        invalid settings; carries all problems at once
|- StoreInUse           another process uses the SQLite file
|- StoreLocked          another program keeps the SQLite file locked
|- StoreDamaged         the SQLite file is corrupt
|- StoreUnusable        the database can't be used; says why, and whether a restart may help
|- ChartNotRendered     a chart could not be rendered
|- ProviderError        a fine-tuning API call failed
   |- NotFound          no such job in this project
   |- NotSupported      the provider has no such operation; no request was sent
   |- AccessDenied      the API denies access; says why: key, account, region, a proxy before the API
   |- RequestRejected   the API rejected a valid request, such as a cancel of a finished job
   |  |- TrainingClosed  it accepts no new jobs from this organization
   |- RateLimited       not now; says how long to wait
   |  |- QuotaExceeded   not until someone pays, or raises a limit
   |- InvalidResponse   a response that violates the API's contract
   |  |- MismatchedResponse  it is about another job, or of another organization
   |- Unreachable       no response; says whether the request may have executed
"""

from enum import StrEnum


class FtjobError(Exception):
    """Base class of all errors of the bot."""


class UserError(FtjobError):
    """An invalid request; its text is shown to the requester and says what to do next."""


class SettingsError(FtjobError):
    """The settings are invalid."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        """One sentence per problem, without secrets."""


class StoreInUse(FtjobError):
    """Another process uses the SQLite file."""


class StoreLocked(FtjobError):
    """Another program, such as a backup, keeps the SQLite file locked; the file itself is fine."""


class StoreDamaged(FtjobError):
    """The SQLite file is not a database, truncated or corrupt; the text says what to do."""


class StoreUnusable(FtjobError):
    """The database can't be used; the text says why and what to do, without secrets."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        """75 (EX_TEMPFAIL) if a restart may help."""


class ChartNotRendered(FtjobError):
    """The chart process crashed or hung; the text is for the log."""


class ProviderError(FtjobError):
    """A fine-tuning API call failed."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id
        """The API's request id (``x-request-id``), for its support."""


class NotFound(ProviderError):
    """The job does not exist, or belongs to another project or organization."""


class NotSupported(ProviderError):
    """The provider has no such operation, so no request was sent; the text is shown to the requester."""


class AccessDenialReason(StrEnum):
    """Why an API denies access."""

    KEY = "key"
    """The key is invalid, expired or revoked."""
    PERMISSION = "rights"
    """The key is valid, but lacks a permission."""
    ACCOUNT = "account"
    """The account behind the key is closed or suspended."""
    PROJECT = "project"
    """The key does not belong to the organization or project in the settings."""
    REGION = "place"
    """The country or region of the request's IP address is not supported."""
    IP_ADDRESS = "address"
    """The IP address is not allowed."""
    INTERMEDIARY = "in_between"
    """A proxy, firewall or gateway before the API denied it."""


class AccessDenied(ProviderError):
    """The API denies access; ``reason`` says why."""

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
        """The missing scope ("api.fine_tuning.jobs.write"), if the API names it."""


class RequestRejected(ProviderError):
    """The API understood the request and rejected it."""


class TrainingClosed(RequestRejected):
    """The API accepts no new jobs from this organization."""


class RateLimited(ProviderError):
    """The API's rate limit is reached."""

    def __init__(self, message: str, *, retry_after: float, request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after = retry_after
        """Seconds to wait."""


class QuotaExceeded(RateLimited):
    """The account has no credit or quota left; unlike a rate limit, someone must change that."""


class InvalidResponse(ProviderError):
    """A response that violates the API's contract; it changes no state."""

    def __init__(self, message: str, *, request_id: str | None = None, prefix: bytes | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.prefix = prefix
        """The first bytes of a response beyond the size limit; None for any other."""

    @property
    def is_too_large(self) -> bool:
        """Whether the response exceeds the size limit; a smaller page may fit."""
        return self.prefix is not None


class MismatchedResponse(InvalidResponse):
    """A response about another job than requested, or about one of another organization."""


class Unreachable(ProviderError):
    """No usable response arrived."""

    def __init__(self, message: str, *, may_have_executed: bool, todo: str = "", request_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.todo = todo
        """What the administrator has to do, if anything; {address} stands for the setting with the URL."""
        self.may_have_executed = may_have_executed
        """Whether the request may have reached the API and executed."""
