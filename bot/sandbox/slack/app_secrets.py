"""Secrets of the app: tokens, the signing secret, and the source of temporary ones."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

SecretFactory = Callable[[], str]
"""Returns a new secret at each call; a test that needs reproducible ones passes its own."""


@dataclass(frozen=True)
class AppSecrets:
    """What the app and Slack authenticate each other with."""

    bot_token: str
    app_token: str
    signing_secret: str
    new_secret: SecretFactory = secrets.token_hex
    """Makes the secret parts of trigger ids, response URLs, upload URLs and Socket Mode tickets."""

    @classmethod
    def random(cls, new_secret: SecretFactory = secrets.token_hex) -> Self:
        """Return secrets that ``new_secret`` makes."""
        return cls(f"xoxb-{new_secret()}", f"xapp-{new_secret()}", new_secret(), new_secret)
