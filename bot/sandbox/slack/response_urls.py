"""Response URLs: up to five replies within half an hour to one command or click."""

from typing import Any

from bot.sandbox.server import ServerResponse
from bot.sandbox.slack.block_kit.validation import check_message
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, SentReply
from bot.sandbox.slack.workspace import BOT, BOT_USER, ResponseUrl, Workspace


def post_to_response_url(workspace: Workspace, token: str, payload: dict[str, Any]) -> ServerResponse:
    """Handle one post to a response URL."""
    url = workspace.response_urls.get(token)
    if url is None:
        return ServerResponse("no_service", 404, accepted=False)
    if workspace.clock() > url.expires:
        return ServerResponse("expired_url", 404, accepted=False)
    if url.uses_left == 0:
        return ServerResponse("used_url", 404, accepted=False)
    if not payload.get("delete_original"):
        result = check_message(payload, user_ids=workspace.users, counts_text=False)
        if result.error:
            body = {"ok": False, "error": result.error, "response_metadata": {"messages": result.messages}}
            return ServerResponse(body, 400, accepted=False)
        workspace.violations.extend(result.violations)
    url.uses_left -= 1
    _check_usage(workspace, url, payload)
    show_reply(workspace, url, payload)
    return ServerResponse({"ok": True})


def show_reply(workspace: Workspace, url: ResponseUrl, payload: dict[str, Any]) -> None:
    """Show one reply: as a new message, or in place of the message that was clicked."""
    original = url.original
    if payload.get("delete_original") and original:
        original.deleted = True
        displayed: ChannelMessage | EphemeralMessage | None = original
    elif payload.get("replace_original") and original and not original.deleted:
        displayed = original
        _replace(original, payload)
    elif payload.get("delete_original"):
        displayed = None
    else:
        displayed = _post(workspace, url, payload)
    workspace.add_reply(
        SentReply(
            text=payload.get("text") or "",
            blocks=payload.get("blocks") or [],
            user=url.user,
            ephemeral=isinstance(displayed, EphemeralMessage),
            response_type=payload.get("response_type"),
            replace_original=bool(payload.get("replace_original")),
            delete_original=bool(payload.get("delete_original")),
            interaction_id=url.interaction_id,
            displayed=displayed,
        )
    )


def _replace(original: ChannelMessage | EphemeralMessage, payload: dict[str, Any]) -> None:
    text, blocks = payload.get("text") or "", payload.get("blocks") or []
    if isinstance(original, ChannelMessage):
        original.edit(text=text, blocks=blocks)
    else:
        original.text, original.blocks = text, blocks


def _post(workspace: Workspace, url: ResponseUrl, payload: dict[str, Any]) -> ChannelMessage | EphemeralMessage:
    text, blocks = payload.get("text") or "", payload.get("blocks") or []
    ts, thread = workspace.ts(), payload.get("thread_ts")
    if payload.get("response_type") == "in_channel":
        message = ChannelMessage(ts, url.channel, BOT_USER, text, BOT, blocks, thread_ts=thread)
        message.metadata = payload.get("metadata")
        return workspace.add_message(message)
    return workspace.add_ephemeral(EphemeralMessage(ts, url.channel, url.user, text, blocks, thread))


def _check_usage(workspace: Workspace, url: ResponseUrl, payload: dict[str, Any]) -> None:
    """Record uses that Slack accepts silently and handles otherwise than expected."""
    record = workspace.violations.append
    replaces = payload.get("replace_original") or payload.get("delete_original")
    if payload.get("response_type") not in {"ephemeral", "in_channel"} and not replaces:
        record(f"response_type is not explicit: {payload.get('text')!r}")
    if replaces and url.original is None:
        record("a command has no original message to replace or delete")
    if url.original is not None and "replace_original" not in payload and not replaces:
        record("replace_original is not explicit in the answer to a click")
    changes_kind = {"ephemeral": ChannelMessage, "in_channel": EphemeralMessage}.get(str(payload.get("response_type")))
    if replaces and changes_kind and isinstance(url.original, changes_kind):
        record("a replaced message cannot change between ephemeral and in_channel")
