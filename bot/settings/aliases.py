"""Aliases of settings, from samples and other clients, and suggestions for misspelled names. Pure."""

import re
from collections.abc import Collection, Mapping

from rapidfuzz import fuzz, process

ALIASES = {
    "AZURE_OPENAI_API_VERSION": "OPENAI_API_VERSION",
    "AZURE_OPENAI_KEY": "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_BASE_URL": "AZURE_OPENAI_ENDPOINT",
    "AZURE_OPENAI_API_BASE": "AZURE_OPENAI_ENDPOINT",
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_ORGANIZATION": "OPENAI_ORG_ID",
    "OPENAI_ORGANIZATION_ID": "OPENAI_ORG_ID",
    "OPENAI_PROJECT": "OPENAI_PROJECT_ID",
}
"""Alias -> setting: names from Azure's samples, LangChain, and OpenAI's clients, old and new."""

_AZURE = "set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY"
PREFIX = "FTJOB_"
"""Prefix of the settings that only this bot has."""
_FOR_TESTS = frozenset({"FTJOB_CRASH_AT", "FTJOB_DEEP"})
_SERVICE_LINK = re.compile(
    r"FTJOB_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?|NAME)"
)
"""Service links: variables that Kubernetes and Docker set for a service named ftjob."""
_MIN_SCORE = 75
_MIN_NEAR_MISS_SCORE = 83
"""Similarity out of 100. OPENAI_KEY reaches it for OPENAI_API_KEY; OPENAI_API_TYPE, a name of its own, does not."""
_INSTANCE = "AZURE_OPENAI_API_INSTANCE_NAME"


def resolve_aliases(
    env: Mapping[str, str], account_variables: Collection[str] = ()
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the environment with aliases resolved, the alias each such value came from, and the problems.

    Args:
        env: the environment.
        account_variables: variables that the configuration file uses for its accounts.
    """
    found, origins, problems = dict(env), dict[str, str](), list[str]()
    for alias, name in ALIASES.items():
        for end in ("", "_FILE"):
            value, ours = env.get(alias + end, "").strip(), found.get(name + end, "").strip()
            if not value or alias + end in account_variables or alias in account_variables:
                continue
            if ours and ours.rstrip("/") != value.rstrip("/"):
                first = origins.get(name + end, name + end)
                problems.append(f"{first} and {alias}{end} are the same setting with different values; keep one")
            elif not ours:
                found[name + end], origins[name + end] = value, alias + end
    return found, origins, problems + _azure_problems(found)


def _azure_problems(env: Mapping[str, str]) -> list[str]:
    """Return a problem for each unsupported Azure variable, unless AZURE_OPENAI_ENDPOINT is set."""
    if env.get("AZURE_OPENAI_ENDPOINT"):
        return []
    problems = []
    if env.get("OPENAI_API_TYPE", "").strip().lower() in ("azure", "azure_ad", "azuread"):
        problems.append(f"OPENAI_API_TYPE isn't used for Azure; {_AZURE}")
    if env.get(_INSTANCE):
        problems.append(f"{_INSTANCE} isn't used; {_AZURE} (the endpoint is https://<that name>.openai.azure.com)")
    return problems


def unknown_settings(
    env: Mapping[str, str], names: Collection[str], account_variables: Collection[str] = ()
) -> list[str]:
    """Return a problem for each variable with our prefix that is not a setting and would have no effect.

    Args:
        env: the environment.
        names: every setting.
        account_variables: as in ``resolve_aliases``.
    """
    ours = [name for name in env if name.upper().startswith(PREFIX) and env[name].strip()]
    left = [
        name
        for name in ours
        if name not in names and name not in _FOR_TESTS and not _is_account_variable(name, account_variables)
    ]
    return [
        f"{name} isn't a setting; {_suggestion(name, names)}"
        for name in sorted(left)
        if not _is_service_link(name, env)
    ]


def near_misses(env: Mapping[str, str], names: Collection[str], account_variables: Collection[str] = ()) -> list[str]:
    """Return a warning for each variable named almost like an unset setting; arguments as in ``unknown_settings``."""
    given = {name.removesuffix("_FILE") for name in names if env.get(name, "").strip()}
    missing = [name for name in names if name.removesuffix("_FILE") not in given and "_" in name]
    others = [
        name
        for name in env
        if env[name].strip() and name not in names and not _is_account_variable(name, account_variables)
    ]
    found = {
        name: process.extractOne(name.upper(), missing, scorer=fuzz.ratio, score_cutoff=_MIN_NEAR_MISS_SCORE)
        for name in sorted(others)
        if name not in ALIASES and not name.upper().startswith(PREFIX)
    }
    return [f"{name} isn't used; did you mean {nearest[0]}?" for name, nearest in found.items() if nearest]


def _is_account_variable(name: str, account_variables: Collection[str]) -> bool:
    return name in account_variables or name.removesuffix("_FILE") in account_variables


def _is_service_link(name: str, env: Mapping[str, str]) -> bool:
    is_link = name.endswith("PORT") and "://" in env[name]
    return is_link or _SERVICE_LINK.fullmatch(name) is not None


def _suggestion(name: str, names: Collection[str]) -> str:
    """Return the most similar setting, as the end of a sentence."""
    folded = name.upper()
    suffix = folded.removeprefix(PREFIX)
    whole = next((each for each in (folded, suffix) if each in names), None)
    ours = {each.removeprefix(PREFIX): each for each in names if each.startswith(PREFIX)}
    nearest = process.extractOne(suffix, list(ours), scorer=fuzz.WRatio, score_cutoff=_MIN_SCORE)
    suggested = whole or (ours[nearest[0]] if nearest else None)
    return f"did you mean {suggested}?" if suggested else "see README.md for the list"
