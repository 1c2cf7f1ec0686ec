"""Validation of messages and views: Slack's own errors, and violations of this project's stricter rules."""

import json
import re
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.block_kit.schema import Surface, schema_errors

TEXT_LIMIT = 40_000
ADVISED_TEXT_LIMIT = 4_000
BLOCKS_LIMIT = 12_000
ADVISED_BLOCKS_LIMIT = 8_000
ATTACHMENTS_LIMIT = 100
METADATA_LIMIT = 8_000
ADVISED_METADATA_LIMIT = 2_000

_MENTION = re.compile(r"<([!@][^>]*)>?")
_LINK = re.compile(r"<(https?://[^|>\s]+)")
_URL_FIELDS = frozenset({"url", "image_url", "thumbnail_url", "video_url", "title_url"})
_EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,254}")


@dataclass
class ValidationResult:
    """Result of a validation."""

    error: str = ""
    """Slack's error code, "" if Slack would accept it."""
    messages: list[str] = field(default_factory=list)
    """Slack's error details, "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"."""
    violations: list[str] = field(default_factory=list)
    """Violations of this project's rules that Slack would accept."""

    def add_error(self, error: str, *messages: str) -> None:
        """Add an error with its details; the first error code stays."""
        self.error = self.error or error
        self.messages.extend(messages)


def check_message(
    payload: dict[str, Any], *, user_ids: Container[str] = (), counts_text: bool = True
) -> ValidationResult:
    """Check a message's text, blocks, attachments and metadata.

    Args:
        payload: the message as it was sent.
        user_ids: ids of users that may be mentioned.
        counts_text: whether Slack's limit on the sum of all texts applies (not for response URLs).
    """
    result = ValidationResult()
    text, blocks = str(payload.get("text") or ""), payload.get("blocks") or []
    if isinstance(blocks, str):
        result.add_error("invalid_blocks_format")
    if len(text) > TEXT_LIMIT:
        result.add_error("msg_too_long")
    if len(payload.get("attachments") or []) > ATTACHMENTS_LIMIT:
        result.add_error("too_many_attachments")
    if not (text or blocks or payload.get("attachments") or payload.get("markdown_text")):
        result.add_error("no_text")
    _check_blocks(result, "message", "invalid_blocks", {"blocks": blocks})
    total = sum(len(found) for _, _, found in _texts(blocks))
    if counts_text and total > BLOCKS_LIMIT:
        result.add_error("msg_blocks_too_long")
    _check_metadata(result, payload.get("metadata"))
    if not text.strip():
        result.violations.append("the top-level text is empty: screen readers and notifications read it")
    if len(text) > ADVISED_TEXT_LIMIT:
        result.violations.append(f"the top-level text has {len(text)} characters")
    if total > ADVISED_BLOCKS_LIMIT and not result.error:
        result.violations.append(f"the blocks hold {total} characters, more than {ADVISED_BLOCKS_LIMIT}")
    if not result.error:
        _check_house_rules(result, [("/text", "mrkdwn", text), *_texts(blocks, "/blocks")], blocks, user_ids)
    return result


def check_view(view: dict[str, Any], *, user_ids: Container[str] = ()) -> ValidationResult:
    """Check a modal or a Home tab; Slack reports every error as ``invalid_arguments``."""
    result = ValidationResult()
    kind = view.get("type")
    surface: Surface = "home_view" if kind == "home" else "modal_view"
    if kind not in {"modal", "home"}:
        result.add_error("invalid_arguments", "[ERROR] unsupported type: view [json-pointer:/view/type]")
        return result
    blocks = view.get("blocks") or []
    _check_blocks(result, surface, "invalid_arguments", view, "/view")
    has_input = any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)
    if kind == "modal" and has_input and "submit" not in view:
        result.add_error("invalid_arguments", "[ERROR] missing required field: submit [json-pointer:/view/submit]")
    if not result.error:
        _check_house_rules(result, list(_texts(view, "/view")), blocks, user_ids)
    return result


def _check_blocks(
    result: ValidationResult, surface: Surface, error: str, payload: dict[str, Any], parent: str = ""
) -> None:
    if found := schema_errors(surface, payload, parent):
        result.add_error(error, *found)
        return
    blocks = payload.get("blocks") or []
    block_ids = Counter(block["block_id"] for block in blocks if block.get("block_id"))
    for block_id in (name for name, count in block_ids.items() if count > 1):
        result.add_error(error, f'[ERROR] block_id "{block_id}" already exists [json-pointer:{parent}/blocks]')
    for nth, block in enumerate(blocks):
        actions = Counter(node["action_id"] for _, node in walk_objects(block) if node.get("action_id"))
        for action_id in (name for name, count in actions.items() if count > 1):
            pointer = f"{parent}/blocks/{nth}"
            result.add_error(error, f'[ERROR] action_id "{action_id}" already exists [json-pointer:{pointer}]')


def _check_metadata(result: ValidationResult, metadata: Any) -> None:
    if metadata is None:
        return
    match metadata:
        case {"event_type": str(kind), "event_payload": dict(payload), **more}:
            fits = _EVENT_TYPE.fullmatch(kind) and not more and all(map(_is_flat, payload.values()))
        case _:
            fits = False
    size = len(json.dumps(metadata))
    if not fits:
        result.add_error("invalid_metadata_format")
    elif size > METADATA_LIMIT:
        result.add_error("metadata_too_large")
    elif size > ADVISED_METADATA_LIMIT:
        result.violations.append(f"the metadata has {size} characters")


def _is_flat(value: Any) -> bool:
    """Whether a value is a scalar, or a list or an object of scalars."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return all(isinstance(item, str | int | float) for item in inside)


def _check_house_rules(
    result: ValidationResult, texts: list[tuple[str, str, str]], blocks: Any, user_ids: Container[str]
) -> None:
    """Collect violations of this project's rules that Slack accepts."""
    for pointer, kind, text in texts:
        if kind == "mrkdwn":
            result.violations.extend(f"{what} at {pointer}" for what in _unescaped_parts(text, user_ids))
    for pointer, node in walk_objects(blocks, "/blocks"):
        result.violations.extend(f"{what} at {pointer}" for what in _unsafe_parts(node))


def _unescaped_parts(text: str, user_ids: Container[str]) -> Iterator[str]:
    """Yield unescaped mentions and unsafe links of a text."""
    for mention in _MENTION.findall(text):
        if not _is_allowed_mention(mention, user_ids):
            yield f"raw <{mention}>"
    for url in _LINK.findall(text):
        if not _is_safe(url):
            yield f"a link without https, {url},"


def _unsafe_parts(node: dict[str, Any]) -> Iterator[str]:
    """Yield unsafe URLs, broadcasts and missing alt texts of one block, element or part of one."""
    for key in _URL_FIELDS & node.keys():
        if not _is_safe(node[key]):
            yield f"{key} without https, {node[key]},"
    if node.get("type") == "broadcast":
        yield "a broadcast"
    if node.get("type") in {"image", "video"} and not str(node.get("alt_text", "")).strip():
        yield "no alt_text"


def _is_allowed_mention(mention: str, user_ids: Container[str]) -> bool:
    return mention.startswith("!date^") or (mention.startswith("@") and mention[1:].partition("|")[0] in user_ids)


def _is_safe(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("https://", "http://127.0.0.1"))


def walk_objects(node: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object in ``node``, however deep, with its JSON pointer."""
    if isinstance(node, dict):
        yield pointer, node
        for key, value in node.items():
            yield from walk_objects(value, f"{pointer}/{key}")
    elif isinstance(node, list):
        for nth, item in enumerate(node):
            yield from walk_objects(item, f"{pointer}/{nth}")


def _texts(node: Any, pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (pointer, kind, text) of every text in ``node``."""
    for parent, found in walk_objects(node, pointer):
        if isinstance(text := found.get("text"), str):
            yield f"{parent}/text", str(found.get("type", "")), text
