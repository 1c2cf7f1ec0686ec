"""Settings model, validated as a whole. Names are those of Slack, OpenAI and Azure where they exist."""

import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from bot.jobs.models import DEFAULT_ACCOUNT
from bot.net.proxies import Proxies
from bot.net.urls import check_azure, check_host, check_http
from bot.providers.account import AZURE, Account
from bot.providers.dialects.azure import AzureOptions, parse_api_version
from bot.settings.account_section import PORT_REQUIRED
from bot.settings.file import CONFIG_VARIABLE, Config, Flag
from bot.settings.secrets import check_id, check_secret, webhook_secrets
from bot.store.db.url import parse
from bot.telemetry.redaction import redacted

SECRETS = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "OPENAI_API_KEY",
    "OPENAI_WRITE_API_KEY",
    "OPENAI_WEBHOOK_SECRET",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "DATABASE_URL",
    "FTJOB_HEARTBEAT_URL",
)
"""Settings that can be in a file named by ``<NAME>_FILE``. DATABASE_URL may hold a password, FTJOB_HEARTBEAT_URL a token."""

_CHANNEL = re.compile(r"[CG][A-Z0-9]+")
_MIN_SECRET_LENGTH = 16
"""Minimum length of a Slack token or signing secret; real ones are at least twice as long."""


class Settings(BaseModel):
    """One field per setting; the environment variable is the field's name in uppercase."""

    model_config = ConfigDict(frozen=True)

    ftjob_allow_http: Flag = False
    """1 allows plain HTTP to hosts other than this machine."""

    slack_bot_token: SecretStr
    """The bot token, "xoxb-...": OAuth & Permissions in the Slack app's settings."""
    slack_app_token: SecretStr | None = None
    """An app-level token with connections:write, "xapp-...". If set, the bot uses Socket Mode, which needs no public URL."""
    slack_signing_secret: SecretStr | None = Field(default=None, validate_default=True)
    """Required without SLACK_APP_TOKEN: verifies that an HTTP request is from Slack."""
    slack_api_url: str = "https://slack.com/api"
    """Base URL of the Slack Web API, or of a gateway or a test server."""
    port: int | None = Field(default=None, ge=1, le=65535, description="a whole number from 1 to 65535")
    """The HTTP port (3000 if Slack reaches the bot over HTTP)."""
    ftjob_host: str | None = None
    """The address to listen on: 127.0.0.1, or 0.0.0.0 where PORT is set."""
    ftjob_config: Config = Config()
    """The parsed TOML file: more accounts, prices, timeouts for stalled jobs."""
    accounts_of_file: tuple[Account, ...] = ()
    """Accounts of the file, with their keys."""
    proxies: Proxies = Proxies()
    """The proxies of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""
    azure_openai_endpoint: str | None = None
    """Endpoint of an Azure resource, "https://name.openai.azure.com"; creates the account "azure"."""
    openai_api_version: str | None = None
    """Azure's API version, such as 2024-10-21; unset for the v1 API, which has no versions."""
    azure_openai_api_key: SecretStr | None = None
    """Required with AZURE_OPENAI_ENDPOINT, unless AZURE_OPENAI_AD_TOKEN is set."""
    azure_openai_ad_token: SecretStr | None = Field(default=None, validate_default=True)
    """A token of Entra ID; it is read once, and most expire within a day."""
    openai_api_key: SecretStr | None = Field(default=None, validate_default=True)
    """Reads jobs; with OPENAI_WRITE_API_KEY set, read permission for fine-tuning is enough."""
    openai_write_api_key: SecretStr | None = None
    """Used for actions only, so that OPENAI_API_KEY can be read-only."""
    openai_base_url: str = "https://api.openai.com/v1"
    """Base URL of an OpenAI-compatible API."""
    openai_org_id: str | None = None
    """The organization, for keys that belong to several."""
    openai_project_id: str | None = None
    """The project, for keys that belong to several; also shown in replies."""
    openai_webhook_secret: tuple[SecretStr, ...] = ()
    """"whsec_...": a webhook makes the bot poll when a job finishes; two, comma-separated, during a rotation."""
    ftjob_allow_ephemeral: Flag = False
    """1 allows SQLite on a platform with an ephemeral disk: all data is lost at each restart."""
    database_url: SecretStr = Field(default=SecretStr("sqlite:///ftjob.db"), validate_default=True)
    """sqlite:///file or postgresql://user:password@host/name."""
    ftjob_poll_seconds: float = Field(default=30.0, gt=0, le=86400, description="a number greater than 0, up to 86400")
    """Seconds between two polls of an account; fractions are allowed."""
    ftjob_progress_seconds: float = Field(default=120.0, ge=1, le=86400, description="a number from 1 to 86400")
    """Seconds between two reads of a running job's events, the source of its progress bar."""
    ftjob_operators: frozenset[str] = frozenset()
    """User ids (U...) and user-group ids (S...) that can cancel jobs, besides the workspace's admins and owners."""
    ftjob_log: Literal["console", "json"] = Field(default="console", description="console or json")
    """Log format."""
    ftjob_read_only: Flag = False
    """1 disables actions for everyone."""
    ftjob_allow_guests: Flag = False
    """1 lets guests of the workspace read; they can't change or track anything."""
    ftjob_allow_shared_channels: Flag = False
    """1 allows alerts in channels that are shared with another company."""
    ftjob_ops_channel: str | None = None
    """Id of the channel (C... or G...) that receives operational alerts about the bot."""
    ftjob_heartbeat_url: SecretStr | None = None
    """URL of a dead man's switch, requested every minute; secret, because it may hold a token."""

    @field_validator("ftjob_operators", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return value.replace(",", " ").split() if isinstance(value, str) else value

    @field_validator("ftjob_operators")
    @classmethod
    def _are_ids(cls, value: frozenset[str]) -> frozenset[str]:
        if invalid := sorted(item for item in value if item[:1] not in ("U", "W", "S") or not item.isalnum()):
            raise ValueError(
                f"must contain user IDs (U...) or user group IDs (S...), not {redacted(', '.join(invalid))}"
            )
        return value

    @field_validator("slack_bot_token", "slack_app_token")
    @classmethod
    def _is_token(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        tokens = {"slack_bot_token": ("bot", "xoxb-"), "slack_app_token": ("app-level", "xapp-")}
        kind, prefix = tokens[str(info.field_name)]
        if value is not None and value.get_secret_value().startswith("xoxp-"):
            raise ValueError(f"is a user token (xoxp-); use the {kind} token ({prefix})")
        if value is not None and not value.get_secret_value().startswith(prefix):
            raise ValueError(f"must start with {prefix}")
        return value

    @field_validator(
        "slack_bot_token",
        "slack_app_token",
        "slack_signing_secret",
        "openai_api_key",
        "openai_write_api_key",
        "azure_openai_api_key",
        "azure_openai_ad_token",
    )
    @classmethod
    def _is_real(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_secret(value.get_secret_value())
        return value

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value) < _MIN_SECRET_LENGTH:
            raise ValueError("is too short; copy it again")
        return value

    @field_validator("slack_signing_secret")
    @classmethod
    def _fits_transport(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and "slack_app_token" in info.data and info.data["slack_app_token"] is None:
            raise ValueError("is missing; set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP)")
        return value

    @field_validator("azure_openai_ad_token")
    @classmethod
    def _opens_azure(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        endpoint, key = info.data.get("azure_openai_endpoint"), info.data.get("azure_openai_api_key")
        if endpoint and not (key or value) and "azure_openai_api_key" in info.data:
            raise ValueError("is missing; AZURE_OPENAI_ENDPOINT requires either this or AZURE_OPENAI_API_KEY")
        if (key or value) and not endpoint and "azure_openai_endpoint" in info.data:
            raise ValueError("or AZURE_OPENAI_API_KEY is set without AZURE_OPENAI_ENDPOINT")
        return value

    @field_validator("openai_api_version")
    @classmethod
    def _is_version(cls, value: str | None, info: ValidationInfo) -> str | None:
        version = parse_api_version(value)
        check_azure(info.data.get("azure_openai_endpoint") or "", version)
        return version

    @field_validator("openai_api_key")
    @classmethod
    def _is_one_account(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        others = (info.data.get("accounts_of_file"), info.data.get("azure_openai_endpoint"))
        if value is None and not (any(others) or (info.context or {}).get("more_accounts")):
            raise ValueError("is missing")
        return value

    @field_validator("openai_api_key", "azure_openai_endpoint")
    @classmethod
    def _has_own_name(cls, value: SecretStr | str | None, info: ValidationInfo) -> SecretStr | str | None:
        name = DEFAULT_ACCOUNT if info.field_name == "openai_api_key" else AZURE
        if value and name in (each.name for each in info.data.get("accounts_of_file", ())):
            raise ValueError(f"creates an account named {name}, but {CONFIG_VARIABLE} already has one; rename that one")
        return value

    @field_validator("slack_api_url", "openai_base_url", "azure_openai_endpoint")
    @classmethod
    def _is_http(cls, value: str, info: ValidationInfo) -> str:
        check_http(value, allow_http=bool(info.data.get("ftjob_allow_http")))
        if urlsplit(value).query or urlsplit(value).fragment:
            raise ValueError("must be a URL like https://host/path")
        return value.rstrip("/")

    @field_validator("ftjob_host", "openai_org_id", "openai_project_id")
    @classmethod
    def _is_name(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            (check_host if info.field_name == "ftjob_host" else check_id)(value)
        return value

    @field_validator("ftjob_heartbeat_url")
    @classmethod
    def _is_secret_http(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            check_http(value.get_secret_value(), allow_http=bool(info.data.get("ftjob_allow_http")))
        return value

    @field_validator("openai_webhook_secret", mode="before")
    @classmethod
    def _is_of_webhooks(cls, value: Any, info: ValidationInfo) -> Any:
        secrets = webhook_secrets(value) if isinstance(value, str) else value
        if secrets and info.data.get("slack_app_token") and not info.data.get("port"):
            raise ValueError(PORT_REQUIRED)
        return secrets

    @field_validator("ftjob_ops_channel")
    @classmethod
    def _is_channel(cls, value: str | None) -> str | None:
        if value is not None and not _CHANNEL.fullmatch(value):
            raise ValueError(
                "must be a channel ID (C... or G...), not a channel name. To find it in Slack, click the channel name; "
                "the ID is at the bottom of the About tab"
            )
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        url = value.get_secret_value()
        parse(url)
        forgets = (info.context or {}).get("disk_forgets") and not info.data.get("ftjob_allow_ephemeral")
        if url.startswith("sqlite") and forgets:
            raise ValueError(
                "must be a PostgreSQL URL (postgresql://...): on Heroku, local files are lost on every restart; add a "
                "database to the app (or set FTJOB_ALLOW_EPHEMERAL=1 to start empty each time)"
            )
        return value

    @property
    def uses_socket_mode(self) -> bool:
        """Whether Slack connects over Socket Mode; otherwise over HTTP."""
        return self.slack_app_token is not None

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account to poll: of OPENAI_API_KEY, of AZURE_OPENAI_ENDPOINT, and those of the file, in this order."""
        found = list(self.accounts_of_file)
        azure_key = self.azure_openai_api_key or self.azure_openai_ad_token
        if self.azure_openai_endpoint and azure_key:
            azure = Account(
                AZURE,
                self.azure_openai_endpoint,
                azure_key,
                provider=AZURE,
                options=AzureOptions(api_version=self.openai_api_version, bearer=self.azure_openai_api_key is None),
            )
            found.insert(0, azure)
        if self.openai_api_key:
            own = Account(
                DEFAULT_ACCOUNT,
                self.openai_base_url,
                self.openai_api_key,
                self.openai_write_api_key,
                self.openai_org_id,
                self.openai_project_id,
                webhook_secrets=self.openai_webhook_secret,
            )
            found.insert(0, own)
        return tuple(found)

    @property
    def without_tls(self) -> list[str]:
        """The settings and accounts with a plain HTTP URL, local or because of FTJOB_ALLOW_HTTP=1."""
        heartbeat = self.ftjob_heartbeat_url.get_secret_value() if self.ftjob_heartbeat_url else ""
        urls = {
            "SLACK_API_URL": self.slack_api_url,
            "OPENAI_BASE_URL": self.openai_base_url,
            "AZURE_OPENAI_ENDPOINT": self.azure_openai_endpoint or "",
            "FTJOB_HEARTBEAT_URL": heartbeat,
            **{f"the account {each.name}": each.base_url for each in self.accounts_of_file},
        }
        return [name for name, url in urls.items() if urlsplit(url).scheme == "http"]

    @property
    def listen_address(self) -> tuple[str, int] | None:
        """Host and port of the HTTP server, or None if there is none."""
        if self.port is None and self.uses_socket_mode:
            return None
        return self.ftjob_host or ("0.0.0.0" if self.port else "127.0.0.1"), self.port or 3000  # noqa: S104
