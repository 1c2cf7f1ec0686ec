"""Section of one account in the configuration file: what all providers have in common, and the options of its dialect."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    SerializeAsAny,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from rapidfuzz import fuzz, process

from bot.net.urls import check_http
from bot.providers.account import Account
from bot.providers.dialect import NoOptions
from bot.providers.registry import dialect_of, dialects
from bot.providers.variables import variable_name
from bot.settings.secrets import check_secret, read_secret, webhook_secrets

PORT_REQUIRED = "requires PORT: webhooks arrive over HTTP, and in Socket Mode the bot listens only if PORT is set"
_MIN_SCORE = 60
_MIN_TOKEN_LENGTH = 24
"""Characters of a push token; those of `ftjob push token` have 43."""
_API_KEYS = ("base_url", "key_env", "write_key_env", "webhook_secret_env", "organization", "project")
"""Settings of an account that only one with an API has."""


def _provider(value: Any) -> str:
    if not isinstance(value, str) or value not in dialects():
        raise ValueError(f"must be one of {', '.join(dialects())}")
    return str(value)


VariableName = Annotated[str, variable_name("RESEARCH_KEY", "secret")]


class Section(BaseModel):
    """A section of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountSection(Section):
    """One account. Its secrets are in environment variables, or in files named by ``<NAME>_FILE``."""

    provider: Annotated[str, BeforeValidator(_provider)] = "openai"
    key_env: VariableName | None = None
    """Required, unless the options of the provider say how the account gets its tokens without a key."""
    write_key_env: VariableName | None = None
    """Used for actions only."""
    webhook_secret_env: VariableName | None = None
    base_url: str | None = None
    """The API's base URL, if not the provider's default; for Azure the endpoint of the resource."""
    organization: str | None = None
    """The organization, for keys that belong to several; for Fireworks the account."""
    project: str | None = None
    page: str | None = None
    """The URL of a job's web page with {job} for its id, if not the provider's own."""
    options: SerializeAsAny[BaseModel] = NoOptions()
    """What else the section has: the options of the provider's dialect."""

    @property
    def variables(self) -> list[str]:
        """The environment variables that hold the account's secrets."""
        pushed = getattr(self.options, "push_token_env", None)
        return [each for each in (self.key_env, self.write_key_env, self.webhook_secret_env, pushed) if each]


_COMMON = tuple(name for name in AccountSection.model_fields if name != "options")


def _with_options(value: Any, validate: ValidatorFunctionWrapHandler) -> AccountSection:
    """Return an account whose provider's dialect reads the rest of its section.

    Raises:
        ValidationError: with all problems of both.
    """
    if not isinstance(value, dict):
        section: AccountSection = validate(value)
        return section
    dialect = dialects().get(str(value.get("provider", "openai")))
    own = dialect.options if dialect else NoOptions
    names = [*_COMMON, *own.model_fields]
    problems: list[InitErrorDetails] = [
        {
            "type": PydanticCustomError("unknown_key", "is unknown; {known}", {"known": known_names(name, names)}),
            "loc": (name,),
            "input": None,
        }
        for name in value
        if name not in names
    ]
    found: AccountSection | None = None
    options: BaseModel | None = None
    unusable: list[InitErrorDetails] = []
    try:
        options = own.model_validate({name: value[name] for name in own.model_fields if name in value})
    except ValidationError as error:
        unusable += map(_problem, error.errors(include_url=False))
    try:
        found = validate({name: value[name] for name in _COMMON if name in value})
    except ValidationError as error:
        problems += map(_problem, error.errors(include_url=False))
    if "key_env" not in value and getattr(options, "needs_key", True):
        problems.append({"type": "missing", "loc": ("key_env",), "input": value})
    problems += unusable
    if found is None or options is None or problems:
        raise ValidationError.from_exception_data("account", problems)
    return found.model_copy(update={"options": options})


def _problem(error: Any) -> InitErrorDetails:
    return {"type": error["type"], "loc": error["loc"], "input": error["input"], "ctx": error.get("ctx", {})}


AnyAccountSection = Annotated[AccountSection, WrapValidator(_with_options)]


def known_names(name: str, names: Sequence[str]) -> str:
    """Return what may have been meant by an unknown name, or all known ones."""
    nearest = process.extractOne(name, names, scorer=fuzz.ratio, score_cutoff=_MIN_SCORE)
    return f"did you mean {nearest[0]}?" if nearest else f"known names: {', '.join(names)}"


def account_of(name: str, section: AccountSection, env: Mapping[str, str]) -> Account:
    """Return an account with its keys from the environment.

    Raises:
        ValueError: what is missing or wrong.
    """
    dialect = dialects()[section.provider]
    if dialect.is_pushed:
        return _push_account(name, section, env)
    base_url = section.base_url or dialect.base_url
    if base_url is None:
        raise ValueError(f"base_url is missing ({dialect.endpoint})")
    _check_url("base_url", base_url, allow_http=env.get("FTJOB_ALLOW_HTTP") == "1")
    if "?" in base_url or "#" in base_url:
        raise ValueError("base_url must be a URL like https://host/path")
    if dialect.organization and not section.organization:
        raise ValueError(f"organization is missing ({dialect.organization})")
    if not all(value.isascii() and value.isprintable() for value in (section.organization, section.project) if value):
        raise ValueError("organization and project must be IDs, such as org-abc123 and proj_abc123")
    if section.page is not None:
        _check_page(section.page)
    hooks = _secret(section.webhook_secret_env, env) if section.webhook_secret_env else ""
    if hooks and _uses_socket_mode(env) and not env.get("PORT"):
        raise ValueError(f"webhook_secret_env {PORT_REQUIRED}")
    account = Account(
        name,
        base_url.rstrip("/"),
        SecretStr(_secret(section.key_env, env) if section.key_env else ""),
        SecretStr(_secret(section.write_key_env, env)) if section.write_key_env else None,
        section.organization,
        section.project,
        section.provider,
        section.options,
        section.page,
        tuple(map(SecretStr, _webhook_secrets(hooks))),
    )
    dialect_of(account)  # options may contradict the base URL
    return account


def _push_account(name: str, section: AccountSection, env: Mapping[str, str]) -> Account:
    """Return an account whose trainers push their jobs.

    Raises:
        ValueError: what is missing or wrong.
    """
    if unused := next((key for key in _API_KEYS if getattr(section, key) is not None), None):
        raise ValueError(f'{unused} can\'t be used with provider "{section.provider}", because trainers call the bot')
    variable = str(vars(section.options)["push_token_env"])
    tokens = [each.strip() for each in _secret(variable, env).split(",")]
    if any(len(each) < _MIN_TOKEN_LENGTH for each in tokens):
        raise ValueError(f"{variable} is too short; print a new token with `ftjob push token`")
    if section.page is not None:
        _check_page(section.page)
    if _uses_socket_mode(env) and not env.get("PORT"):
        raise ValueError(
            "requires PORT: trainers call over HTTP, and in Socket Mode the bot listens only if PORT is set"
        )
    return Account(
        name,
        "",
        SecretStr(""),
        provider=section.provider,
        options=section.options,
        job_page_url=section.page,
        push_tokens=tuple(map(SecretStr, tokens)),
    )


def _uses_socket_mode(env: Mapping[str, str]) -> bool:
    return bool(env.get("SLACK_APP_TOKEN") or env.get("SLACK_APP_TOKEN_FILE"))


def _check_page(page: str) -> None:
    _check_url("page", page.replace("{job}", "x"), allow_http=True)
    if set(page) & set("<>|"):
        raise ValueError("page must be a URL like https://host/jobs/{job}")


def _check_url(key: str, url: str, *, allow_http: bool) -> None:
    try:
        check_http(url, allow_http=allow_http)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def _webhook_secrets(text: str) -> list[str]:
    try:
        return webhook_secrets(text)
    except ValueError:
        raise ValueError(
            "webhook_secret_env must name a variable that holds the signing secret OpenAI showed when you created the "
            "webhook (whsec_...)"
        ) from None


def _secret(variable: str, env: Mapping[str, str]) -> str:
    text = read_secret(variable, env)
    if not text:
        raise ValueError(f"neither {variable} nor {variable}_FILE is set")
    try:
        check_secret(text)
    except ValueError as error:
        raise ValueError(f"{variable} {error}") from None
    return text
