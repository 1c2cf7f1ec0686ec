"""Redaction of secrets by their pattern and by the name of their field, for logs, replies, errors and rows. Pure.

The patterns are those that GitHub's secret scanning and gitleaks document for each vendor, with shorter minimum lengths,
because a truncated secret is still one.
"""

import math
import re
from functools import lru_cache
from typing import Any

from bot.text import storable

MAX_TEXT_LENGTH = 10_000
"""Characters of one text that are scanned; the rest is dropped."""
MAX_DEPTH = 50
"""Nesting levels of decoded JSON that are kept; deeper ones become None."""
MASK = "..."
_MAX_NAME_LENGTH = 200
_MAX_HARMLESS = 20_000
_harmless: set[str] = set()
"""Cache of short texts without a secret; a cache of secrets would be a leak."""

_SCHEME = r"(?:basic|bearer|token|digest|apikey|key|negotiate|ntlm|aws4-hmac-sha256)\s{1,9}"

# An escape may precede a key, as in a printed dictionary or a query.
_ESCAPED = r"(?<=\\[nrt])|(?<=%[0-9a-f]{2})"
_VENDORS = (
    r"gh[pousr]_(?=[a-z0-9]{12})|github_pat_|gl(?:pat|dt|rtr?|ptt|soat|cbt|oas|ft|imt|agent|ffct)-|"
    r"(?:hf_|gsk_|r8_|npm_|api_org_|xai-|pplx-)(?=[a-z0-9]{16})|pypi-(?=Ag)|(?:local-|dapi)(?=[0-9a-f]{32})|"
    r"rk_(?:live|test)_|wandb_v1_|ya29\.|1//0(?=\w{20})|GOCSPX-|nvapi-|dckr_pat_|dop_v1_|shp(?:at|ca|pa|ss)_|"
    r"lsv2_(?:pt|sk)_|pcsk_|sntry[su]_|dp\.(?:pt|st|ct)\.(?=[a-z0-9]{16})|sb_secret_|sbp_(?=[0-9a-f]{16})|ops_(?=eyJ)|"
    r"(?:rpa_|sgp_|ntn_|figd_|jina_|csk-|tvly-|NRAK-)(?=[a-z0-9-]{16})|(?:bot)?\d{6,12}:AA(?=[\w-]{30})|"
    r"lin_api_|hvs\.|ATATT3|PMAK-|HRKU-|AGE-SECRET-KEY-|(?-i:AIza|ABSK)(?=[\w-]{20})|"
    r"(?-i:AKIA|ASIA|ABIA|ACCA)(?=[A-Z0-9]{12})|(?-i:SK)(?=[0-9a-f]{32})|(?-i:SG)\.(?=[\w-]{16,64}\.)"
)
_SHAPES = (
    # Slack's tokens (https://docs.slack.dev/authentication/tokens) and the secrets of Standard Webhooks.
    r"(?P<token>xox[a-z](?:\.xox[a-z])?-|xapp-|whsec[-_])[\w*.%+/=-]*[\w*=-]{5,}",
    # OpenAI's keys, also as it masks them, Anthropic's and Stripe's; not "task-" and "sk-learn".
    rf"(?:(?<![\w-])|{_ESCAPED})(?P<key>sk[-_])(?!learn(?![a-z0-9]))[\w*-]{{8,}}",
    rf"(?:(?<![a-z0-9])|{_ESCAPED})(?P<vendor>{_VENDORS})[\w./+=-]{{10,}}",
    # Keys of Fireworks and Together, and tokens in three parts (RFC 7519), such as those of Entra ID.
    r"(?<![\w-])(?P<other>fw_|tgp_v1_)[\w-]{12,}",
    r"(?<![\w-])(?P<jwt>eyJ)[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",
    r"(?P<bearer>Bearer(?:\s|%20|\+)+)(?!(?:authentication|authorization|credentials?)(?![\w.~+/=*%-]))[\w.~+/=*%-]{8,}",
    # All cookies of a header.
    r"(?P<cookie>cookie[\"']?\s?:\s?[\"']?)(?=[^\s=;\"']{1,100}=)[^\r\n\"']+",
    r"(?P<hook>(?:hooks\.slack(?:-gov)?\.com|discord(?:app)?\.com/api/webhooks|webhook\.office\.com)(?::\d+)?(?:\\*/|%2f))[^\s\"'<>|)]+",
    r"(?P<signature>v0(?:=|%3d))[0-9a-f]{64}",
    # Signed URLs: Azure's, AWS's and Google's.
    r"(?P<signed>(?:[?&;]|,\s?|%3f|%26|x-amz-|x-goog-)(?:sig|signature)(?:=|%3d))[\w%+/=-]{8,}",
    # API keys in a query (Azure Functions, Google), and as the user name of a URL.
    r"(?P<query>[?&](?:key|code)=)[\w.~%+/=-]{16,}",
    r"(?P<user>://)(?=[a-z_-]{0,100}\d)[\w-]{16,200}(?=@)",
    # Keep header and footer; without a footer all the rest is secret.
    r"(?P<pem>-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----).+?(?=-----END|\Z)",
    # Up to the last @ of the word: real passwords hold unescaped ones. Bounds keep the search linear.
    r"(?P<address>://[^\s/:@\"'<>]{0,100}:)[^\s\"'<>]{1,300}(?=@)",
)
_SECRET = re.compile("|".join(_SHAPES), re.ASCII | re.IGNORECASE | re.DOTALL)

# A field in a text: `name=`, `name: `, `"name":`, `--name ` or `{"name": name, "value": `; not in a model's name.
# Possessive quantifiers, so that each word is scanned once.
_FIELD = re.compile(
    r"(?<![\w.-])(?:ft:(?:[\w.-]*+:)++[\w.-]*+(?!=)|"
    r"(?P<option>--[\w.-]++)[ \t]{1,3}+(?!-)|"
    r"(?P<name>[\w.-]++(?:\s(?:access\s)?key(?:\sprovided)?+)?+)[\\\"'`]{0,4}+[ \t\xa0]{0,40}+\s{0,3}+"
    r"(?P<sign>[:=]|%(?:25)?3d|(?<=\\)u003d|&#61;|,\s?\\{0,3}[\"']value\\{0,3}[\"']\s?:)"
    r">?(?P<gap>[ \t\xa0]{0,40}+\s{0,3}+))",
    re.ASCII | re.IGNORECASE,
)
_QUOTED = re.compile(r"b?(?P<quote>\\{0,3}[\"'`])(?!\.\.\.)(?:(?!(?P=quote))(?:\\.|.))+", re.DOTALL)
_ASSIGNED = re.compile(rf"(?!\.\.\.)(?:{_SCHEME})?[^\s\"'`&,;<>{{}}\[\]()|\\]+", re.IGNORECASE)
# After a colon in a sentence, only a word with a digit, or after the name of an auth scheme, is a secret.
_UNASSIGNED = re.compile(
    rf"(?!\.\.\.)(?:{_SCHEME}|(?=[^\s\"'`&,;<>{{}}\[\]()|\\]{{0,60}}\d))[^\s\"'`&,;<>{{}}\[\]()|\\]{{4,}}",
    re.IGNORECASE,
)
_HARMLESS_VALUE = re.compile(
    r"[-+]?\d[\d.,]{0,9}(?:e[-+]?\d{1,3})?(?:%|ms|[smk])?|<[^<>\s]{1,40}>|\[[A-Z]{1,9}\]", re.IGNORECASE
)
"""Values of a "token" field that are not credentials: a count, a rate, a text token such as ``<|endoftext|>``."""
_NAME_FIELDS = frozenset({"name", "key", "header", "variable", "field"})
"""Fields that hold the name of a sibling field ``value``."""
_MIN_SECRET_NUMBER = 100_000
"""Smaller numbers are counts; from here on one may be a password."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_NAME = re.compile(
    "apikey|accesskey|privatekey|sessionkey|signingkey|encryptionkey|accountkey|authkey|masterkey|subscriptionkey|"
    "sshkey|writekey|servicekey|functionskey|storagekey|hmackey|deploykey|consumerkey|appkey|applicationkey|licensekey|"
    "(?:wandb|openai|anthropic|huggingface|hf|azure|google|gemini|aws|groq|mistral|cohere|together|fireworks|comet)key|"
    "secret(?!ary|ariat)|password|passwd|passphrase|passcode|authorization|authheader|credential|cookie(?!cutter)|"
    "sharedaccesssignature|connectionstring|(?:db|user|smtp|mysql|postgres|redis|mongo|admin|root|proxy)pass$|"
    "(?:github|gitlab|devops)pat$"
)
_SECRET_WORDS = frozenset({"pwd", "auth", "bearer", "jwt", "cred", "creds"})
_NOT_SECRET_BEFORE_TOKEN = frozenset(
    "eos bos pad unk sep cls mask special stop start end begin image audio video max min num n per total trained "
    "eot input output prompt completion first next last page continuation".split()
)
"""Words before ``token`` where it is a text token or a count, not a credential."""
_NOT_SECRET_AFTER_TOKEN = frozenset(
    "count counts limit limits budget budgets type id ids index length len rate usage per level position s accuracy loss "
    "classification classifier price cost weight weights mask window dropout ratio entropy efficiency distribution "
    "strategy details".split()
)
"""Words after ``token`` where it is no credential either."""
_SECRET_BEFORE_TOKENS = frozenset(
    "access auth api bearer refresh session secret personal id security oauth bot app user".split()
)


def redacted(text: str) -> str:
    """Return ``text`` with "..." in place of every secret; a secret's prefix stays, to show its kind."""
    return _without_fields(_SECRET.sub(lambda match: f"{match[str(match.lastgroup)]}{MASK}", text))


def holds_secret(text: str) -> bool:
    """Whether ``text`` holds a secret, by pattern or by the name before it."""
    return _SECRET.search(text) is not None or _without_fields(text) != text


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: snake, camel or kebab; ``token_count`` and ``maxTokens`` do not."""
    half = _MAX_NAME_LENGTH // 2
    return _is_secret_name(name if len(name) <= _MAX_NAME_LENGTH else name[:half] + name[-half:])


def without_secrets(value: Any) -> Any:
    """Return decoded JSON with "..." in place of every secret, by pattern or by the name of its field.

    Texts are truncated at ``MAX_TEXT_LENGTH`` and storable in a database; numbers that are not finite, and values nested
    deeper than ``MAX_DEPTH``, become None.

    Raises:
        TypeError: a value is not JSON.
    """
    return _redacted_value(value, MAX_DEPTH)


def _redacted_value(value: Any, levels: int, *, hides: bool = False) -> Any:
    match value:
        case str():
            return MASK if hides and value else _redacted_text(value)
        case list() if levels:
            return [_redacted_value(item, levels - 1, hides=hides) for item in value]
        case dict() if levels:
            secret_names = _secret_names(value)
            return {
                _redacted_text(name): _redacted_value(
                    item, levels - 1, hides=hides or _is_secret_value(secret_names.get(name.lower(), name), item)
                )
                for name, item in ((str(key), item) for key, item in value.items())
            }
        case float() if not math.isfinite(value):
            return None
        case None | bool() | int() | float():
            return MASK if hides and value is not None and abs(value) >= _MIN_SECRET_NUMBER else value
        case list() | dict():
            return None
    raise TypeError(f"A {type(value).__name__} is no JSON.")


def _secret_names(fields: dict[str, Any]) -> dict[str, str]:
    """Return the name of a field ``value`` if a sibling field holds it, as in lists of variables."""
    names = (text for key, text in fields.items() if str(key).lower() in _NAME_FIELDS and isinstance(text, str))
    secret = next((name for name in names if " " not in name and is_secret_name(name)), None)
    return {"value": secret} if secret else {}


def _is_secret_value(name: str, value: Any) -> bool:
    """Whether the value of a field is a secret; a number in a token field is a count."""
    if not is_secret_name(name):
        return False
    is_plain = (
        _HARMLESS_VALUE.fullmatch(value) is not None if isinstance(value, str) else isinstance(value, int | float)
    )
    return not is_plain or _is_always_secret(_words(name))


def _redacted_text(text: str) -> str:
    """Return a text redacted and storable. Cached, as most texts recur at each poll."""
    if text in _harmless:
        return text
    fit = redacted(storable(text[:MAX_TEXT_LENGTH]))
    if fit == text and len(text) <= _MAX_NAME_LENGTH:
        if len(_harmless) >= _MAX_HARMLESS:
            _harmless.clear()
        _harmless.add(text)
    return fit


@lru_cache(maxsize=2048)
def _is_secret_name(name: str) -> bool:
    words = _words(name)
    return _is_always_secret(words) or _is_access_token(words)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _is_always_secret(words: list[str]) -> bool:
    if not words or words[-1] in ("count", "length"):
        return False
    return words[-1] in _SECRET_WORDS or _SECRET_NAME.search("".join(words)) is not None


def _is_access_token(words: list[str]) -> bool:
    """Whether a name means an access token, not a text token or a count."""
    for index, word in enumerate(words):
        before, after = words[index - 1] if index else "", words[index + 1] if index + 1 < len(words) else ""
        if word in ("token", "tokens") and after not in _NOT_SECRET_AFTER_TOKEN:
            return before in _SECRET_BEFORE_TOKENS if word == "tokens" else before not in _NOT_SECRET_BEFORE_TOKEN
        if word.endswith("token") and word != "token" and after not in _NOT_SECRET_AFTER_TOKEN:
            return word.removesuffix("token") not in _NOT_SECRET_BEFORE_TOKEN
    return False


def _without_fields(text: str) -> str:
    parts, end = [], 0
    for field in _FIELD.finditer(text):
        name = field["name"] or field["option"]
        if field.start() >= end and name and is_secret_name(name) and (value := _value_of(field)):
            quote = value.groupdict().get("quote", "")
            if not _is_secret_value(name, value[0].removeprefix("b").removeprefix(quote)):
                continue
            parts += [text[end : field.end()], quote, MASK]
            end = value.end()
    return "".join([*parts, text[end:]])


def _value_of(field: re.Match[str]) -> re.Match[str] | None:
    """Return the match of the value after a field's name in a text, or None if it is no secret."""
    is_prose = field["sign"] is None or (field["sign"] == ":" and field["gap"] != "")
    bare = _UNASSIGNED if is_prose else _ASSIGNED
    return _QUOTED.match(field.string, field.end()) or bare.match(field.string, field.end())
