"""Registry of dialects, one for each provider."""

from bot.providers.account import AZURE, Account
from bot.providers.azure import Azure
from bot.providers.fireworks import Fireworks
from bot.providers.openai import OpenAI
from bot.providers.together import Together

_DIALECTS: dict[str, type[OpenAI]] = {
    "openai": OpenAI,
    AZURE: Azure,
    "together": Together,
    "fireworks": Fireworks,
}


def dialect_of(account: Account) -> OpenAI:
    """Return the dialect for an account."""
    return _DIALECTS[account.provider](account)
