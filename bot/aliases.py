"""Other well-known names of settings, as samples and older clients write them. Pure."""

from collections.abc import Collection, Mapping

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
"""Names that are read as another one: those of Azure's samples, of LangChain, of OpenAI's clients and older ones."""

_AZURE = "set AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY"
_INSTANCE = "AZURE_OPENAI_API_INSTANCE_NAME"


def resolve(known: Mapping[str, str], taken: Collection[str] = ()) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the environment under our names, the name that each value of another name came from, and the problems.

    Args:
        known: the environment.
        taken: variables that the configuration file uses for accounts of its own.
    """
    found, origins, problems = dict(known), dict[str, str](), list[str]()
    for alias, name in ALIASES.items():
        for end in ("", "_FILE"):
            value, ours = known.get(alias + end, "").strip(), found.get(name + end, "").strip()
            if not value or alias + end in taken or alias in taken:
                continue
            if ours and ours.rstrip("/") != value.rstrip("/"):
                first = origins.get(name + end, name + end)
                problems.append(
                    f"{first} and {alias}{end} are two names of one setting, with different values; keep one"
                )
            elif not ours:
                found[name + end], origins[name + end] = value, alias + end
    return found, origins, problems + _unread(found)


def _unread(known: Mapping[str, str]) -> list[str]:
    """Return what names a resource of Azure in a way that the bot does not read, where nothing else names it."""
    if known.get("AZURE_OPENAI_ENDPOINT"):
        return []
    problems = []
    if known.get("OPENAI_API_TYPE", "").strip().lower() in ("azure", "azure_ad", "azuread"):
        problems.append(f"OPENAI_API_TYPE says Azure, which this bot takes under other names: {_AZURE}")
    if known.get(_INSTANCE):
        problems.append(f"{_INSTANCE} is not read: {_AZURE}; the endpoint is https://, that name, .openai.azure.com")
    return problems
