"""What no log, no answer and no error may show: secrets, told by their shape. Pure; the one rule for all of the bot."""

import re
from typing import Any

LONGEST = 10_000
"""Characters of one text that are read for secrets; what comes after is not shown or kept."""

_SHAPES = (
    # Slack's tokens (https://docs.slack.dev/authentication/tokens) and the secrets of Standard Webhooks.
    r"(?P<token>xox[a-z](?:\.xox[a-z])?-|xapp-|whsec[-_])[\w*.%+/=-]*[\w*=-]{5,}",
    # OpenAI's keys, also as it masks them. "task-" ends in the same letters; but what stands before a key may itself be
    # escaped, as in a printed dictionary or a query.
    r"(?:(?<![\w-])|(?<=\\[nrt])|(?<=%[0-9a-f]{2}))(?P<key>sk[-_])[\w*-]{8,}",
    # Keys of Fireworks and Together, and tokens in three parts (RFC 7519), such as those of Entra ID.
    r"(?<![\w-])(?P<other>fw_|tgp_v1_)[\w-]{12,}",
    r"(?<![\w-])(?P<jwt>eyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",
    r"(?P<bearer>Bearer(?:\s|%20|\+)+)[\w.~+/=*%-]{8,}",
    r"(?P<hook>hooks\.slack(?:-gov)?\.com(?::\d+)?(?:\\*/|%2f))[^\s\"'<>|)]+",
    r"(?P<signature>v0(?:=|%3d))[0-9a-f]{64}",
    # To the last @ of the word: passwords in the wild hold some that are not escaped. Bounds keep the search linear.
    r"(?P<address>://[^\s/:@\"'<>]{0,100}:)[^\s\"'<>]{1,300}(?=@)",
)
_SECRET = re.compile("|".join(_SHAPES), re.ASCII | re.IGNORECASE)


def redacted(text: str) -> str:
    """Return ``text`` with "..." in place of every secret; what kind of secret it was stays readable."""
    return _SECRET.sub(lambda match: f"{match[str(match.lastgroup)]}...", text)


def holds_secret(text: str) -> bool:
    """Whether something in ``text`` has the shape of a secret."""
    return _SECRET.search(text) is not None


def without_secrets(value: Any) -> Any:
    """Return decoded JSON with "..." in place of every secret in its texts, which are cut at ``LONGEST``."""
    match value:
        case str():
            return redacted(value[:LONGEST])
        case list():
            return [without_secrets(item) for item in value]
        case dict():
            return {redacted(str(key)[:LONGEST]): without_secrets(item) for key, item in value.items()}
    return value
