"""Secrets from the environment or from files, their validation, and file permissions."""

import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

_PLACEHOLDERS = re.compile(r"\.\.\.|changeme|change-me|your-|<|(?<![a-z0-9])x{3,}(?![a-z0-9])", re.IGNORECASE)
"""``xxx`` counts only as a whole part: one in two hundred real keys holds it somewhere."""
MAX_FILE_BYTES = 2**20
"""Largest file with settings or a secret."""
_MIN_KEY_LENGTH = 16
"""Characters; OpenAI's oldest keys have 51, Azure's 32."""
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/_-]{24,}={0,2}")


def check_secret(text: str) -> None:
    """Validate a secret.

    Raises:
        ValueError: it is invalid; says why, without showing it.
    """
    if _PLACEHOLDERS.search(text):
        raise ValueError("is still a placeholder; set the real value")
    if not text.isascii() or any(character.isspace() for character in text):
        raise ValueError("contains an invalid character, such as a space or line break; copy it again")


def looks_like_key(text: str, *, is_openai: bool) -> bool:
    """Whether a text looks like an API key: long enough, and with the prefix "sk-" for OpenAI."""
    return len(text) >= _MIN_KEY_LENGTH and (text.startswith("sk-") or not is_openai)


def check_id(text: str) -> None:
    """Validate the id of an organization or project, which is sent in a header.

    Raises:
        ValueError: it is invalid.
    """
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be an ID, such as org-abc123 or proj_abc123")


def webhook_secrets(text: str) -> list[str]:
    """Return the webhook secrets in a text, separated by commas.

    Raises:
        ValueError: one of them is invalid.
    """
    secrets = text.replace(",", " ").split()
    if (text and not secrets) or not all(_WEBHOOK_SECRET.fullmatch(secret) for secret in secrets):
        raise ValueError("must be the signing secret OpenAI showed when you created the webhook (whsec_...)")
    return secrets


def read_secret(name: str, env: Mapping[str, str]) -> str:
    """Return a secret from the file that ``<name>_FILE`` names, or from the environment, or "".

    Raises:
        ValueError: the file can't be used; says why.
    """
    path = env.get(f"{name}_FILE")
    if not path:
        return env.get(name, "").strip()
    try:
        text = read_text(Path(path)).strip()
    except FileNotFoundError as error:
        raise ValueError(f"{name}_FILE can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{name}_FILE can't be read: {error}") from None
    if not text:
        raise ValueError(f"{name}_FILE is empty")
    return text


def read_text(path: Path) -> str:
    """Return the text of a small file, in UTF-8 with or without a byte order mark.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it can't be read; says why.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(error.strerror or type(error).__name__) from None
    except ValueError:  # a NUL in the path
        raise ValueError("invalid path") from None
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"it's larger than {MAX_FILE_BYTES >> 20} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it isn't UTF-8 text") from None


def secret_files(names: Iterable[str], env: Mapping[str, str]) -> dict[str, Path]:
    """Return the secret files by the variable that names each."""
    paths = {f"{name}_FILE": env.get(f"{name}_FILE") for name in names}
    return {name: Path(path) for name, path in paths.items() if path}


def readable_by_others(files: Mapping[str, Path]) -> dict[str, str]:
    """Return the mode ("0644") of each file that users other than its owner can read."""
    modes = {name: _mode(path) for name, path in files.items()}
    return {name: f"{mode:04o}" for name, mode in modes.items() if mode & 0o177}


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):  # not readable here, so it was not loaded either
        return 0
