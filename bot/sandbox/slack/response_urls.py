"""Response URLs: five answers in half an hour to one command or click."""

from typing import Any

from bot.sandbox.server import ServerResponse
from bot.sandbox.slack.blockkit import check_message
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, SentReply
from bot.sandbox.slack.workspace import BOT, BOT_USER, ResponseUrl, Workspace


def post_to_response_url(workspace: Workspace, token: str, payload: dict[str, Any]) -> ServerResponse:
    """Carry out one post to a response URL."""
    url = workspace.response_urls.get(token)
    if url is None:
        return ServerResponse("no_service", 404, accepted=False)
    if workspace.clock() > url.expires:
        return ServerResponse("expired_url", 404, accepted=False)
    if url.uses_left == 0:
        return ServerResponse("used_url", 404, accepted=False)
    if not payload.get("delete_original"):
        verdict = check_message(payload, user_ids=workspace.users, counts_text=False)
        if verdict.error:
            body = {"ok": False, "error": verdict.error, "response_metadata": {"messages": verdict.messages}}
            return ServerResponse(body, 400, accepted=False)
        workspace.violations.extend(verdict.violations)
    url.uses_left -= 1
    _complain(workspace, url, payload)
    show_reply(workspace, url, payload)
    return ServerResponse({"ok": True})


def show_reply(workspace: Workspace, url: ResponseUrl, payload: dict[str, Any]) -> None:
    """Show one answer: as a new message, or in place of the one that was clicked in."""
    original = url.original
    if payload.get("delete_original") and original:
        original.deleted = True
        shown: ChannelMessage | EphemeralMessage | None = original
    elif payload.get("replace_original") and original and not original.deleted:
        shown = original
        _replace(original, payload)
    elif payload.get("delete_original"):
        shown = None
    else:
        shown = _post(workspace, url, payload)
    workspace.add_reply(
        SentReply(
            text=payload.get("text") or "",
            blocks=payload.get("blocks") or [],
            user=url.user,
            ephemeral=isinstance(shown, EphemeralMessage),
            response_type=payload.get("response_type"),
            replace_original=bool(payload.get("replace_original")),
            delete_original=bool(payload.get("delete_original")),
            interaction_id=url.interaction_id,
            displayed=shown,
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


def _complain(workspace: Workspace, url: ResponseUrl, payload: dict[str, Any]) -> None:
    """Collect what Slack takes without a word and does otherwise than its reader thinks."""
    complain = workspace.violations.append
    replaces = payload.get("replace_original") or payload.get("delete_original")
    if payload.get("response_type") not in {"ephemeral", "in_channel"} and not replaces:
        complain(f"response_type is not explicit: {payload.get('text')!r}")
    if replaces and url.original is None:
        complain("a command has no original message to replace or delete")
    if url.original is not None and "replace_original" not in payload and not replaces:
        complain("replace_original is not explicit in the answer to a click")
    changes_kind = {"ephemeral": ChannelMessage, "in_channel": EphemeralMessage}.get(str(payload.get("response_type")))
    if replaces and changes_kind and isinstance(url.original, changes_kind):
        complain("a replaced message cannot change between ephemeral and in_channel")
