"""Secrets, as they are handed in: in the environment or in files of their own, and what none of them looks like."""

import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

_PLACEHOLDERS = re.compile(r"\.\.\.|changeme|change-me|your-|<|(?<![a-z0-9])x{3,}(?![a-z0-9])", re.IGNORECASE)
"""Crosses count only as a whole part: one in two hundred real keys has three of them somewhere."""
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/_-]{24,}={0,2}")


def check_secret(text: str) -> None:
    """Accept what may be a secret.

    Raises:
        ValueError: it is none; says why, without showing it.
    """
    if _PLACEHOLDERS.search(text):
        raise ValueError("is a placeholder")
    if not text.isascii() or any(character.isspace() for character in text):
        raise ValueError("holds a character that no secret has; was it cut or copied with a line break?")


def webhook_secrets(text: str) -> list[str]:
    """Return the secrets of webhooks in a text: one, or several with commas between them.

    Raises:
        ValueError: one of them is none.
    """
    secrets = text.replace(",", " ").split()
    if (text and not secrets) or not all(_WEBHOOK_SECRET.fullmatch(secret) for secret in secrets):
        raise ValueError("must be what OpenAI showed when the webhook was made: whsec_ and then letters and digits")
    return secrets


def read_secret(name: str, known: Mapping[str, str]) -> str:
    """Return a secret from the file that ``<name>_FILE`` names, or else from the environment; "" where it is in neither.

    Raises:
        ValueError: the file cannot be used; says why.
    """
    path = known.get(f"{name}_FILE")
    if not path:
        return known.get(name, "").strip()
    try:
        text = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{name}_FILE cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None
    if not text:
        raise ValueError(f"{name}_FILE is empty")
    return text


def readable_by_others(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return which secrets' files let others than their owner at them, each with the file's mode ("0644")."""
    files = {
        f"{name}_FILE": Path(path) for name in names if (path := known.get(f"{name}_FILE")) and Path(path).exists()
    }
    modes = {name: stat.S_IMODE(path.stat().st_mode) for name, path in files.items()}
    return {name: f"{mode:04o}" for name, mode in modes.items() if mode & 0o177}
