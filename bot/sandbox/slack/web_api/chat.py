"""``chat.*``: posting, editing and deleting messages, as strict as Slack."""

from typing import Any

from bot.sandbox.slack.block_kit.validation import check_message, walk_objects
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, SentReply
from bot.sandbox.slack.web_api.json_objects import message_json
from bot.sandbox.slack.web_api.method import MethodCall, method
from bot.sandbox.slack.workspace import BOT, BOT_USER, Channel, TransientWebApiError, WebApiError

CONTENT = "text blocks attachments link_names parse markdown_text as_user"
APPEARANCE = "username icon_emoji icon_url unfurl_links unfurl_media mrkdwn"


@method(
    "chat.postMessage",
    required="channel",
    optional=f"{CONTENT} {APPEARANCE} metadata thread_ts reply_broadcast",
    scope="chat:write",
)
def post_message(call: MethodCall) -> dict[str, Any]:
    """Post to a channel, a thread or a user."""
    channel = _open_channel(call)
    call.rate_limits.consume(channel.id)
    _check_thread(call, channel)
    check_content(call)
    _mark_files_visible(call, channel)
    message = call.workspace.add_message(
        ChannelMessage(
            ts=call.workspace.ts(),
            channel=channel.id,
            user=BOT_USER,
            bot_id=BOT,
            thread_ts=call.arguments.get("thread_ts"),
            reply_broadcast=call.is_true("reply_broadcast"),
            metadata=call.arguments.get("metadata"),
            **_content(call),
        )
    )
    return {"channel": channel.id, "ts": message.ts, "message": message_json(message)}


@method("chat.update", required="channel ts", optional=f"{CONTENT} metadata reply_broadcast", scope="chat:write")
def update(call: MethodCall) -> dict[str, Any]:
    """Edit one of the bot's own messages, without a time limit; no one is notified."""
    channel = call.channel()
    _reject_archived(channel)
    message = _own_message(call, channel, "cant_update_message")
    check_content(call)
    _check_files_visible(call, channel)
    changes = _content(call)
    if "metadata" in call.arguments:
        changes["metadata"] = call.arguments["metadata"] or None
    message.edit(**changes)
    call.workspace.request_log.notify_waiters()
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": message_json(message),
    }


@method(
    "chat.postEphemeral",
    required="channel user",
    optional=f"{CONTENT} thread_ts username icon_emoji icon_url",
    scope="chat:write",
)
def post_ephemeral(call: MethodCall) -> dict[str, Any]:
    """Post an ephemeral message to one member of a channel."""
    channel = _open_channel(call)
    if call.user_id() not in channel.members:
        raise WebApiError("user_not_in_channel")
    call.rate_limits.consume(channel.id)
    check_content(call)
    user, content = call.arguments["user"], _content(call)
    thread = call.arguments.get("thread_ts")
    del content["attachments"]
    ephemeral = call.workspace.add_ephemeral(
        EphemeralMessage(call.workspace.ts(), channel.id, user, thread_ts=thread, **content)
    )
    call.workspace.add_reply(SentReply(**content, user=user, ephemeral=True, displayed=ephemeral))
    return {"message_ts": ephemeral.ts}


@method("chat.delete", required="channel ts", optional="as_user", scope="chat:write")
def delete(call: MethodCall) -> dict[str, Any]:
    """Delete one of the bot's own messages."""
    channel = call.channel()
    message = _own_message(call, channel, "cant_delete_message")
    message.deleted = True
    call.workspace.request_log.notify_waiters()
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", required="channel message_ts")
def get_permalink(call: MethodCall) -> dict[str, Any]:
    """Return the permalink of a message."""
    channel, ts = call.channel(), call.arguments["message_ts"]
    if not channel.message(ts):
        raise WebApiError("message_not_found")
    link = f"https://sandbox.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def check_content(call: MethodCall, *, counts_text: bool = True) -> None:
    """Raise Slack's error for invalid content; record violations of this project's own rules."""
    payload = call.arguments
    result = check_message(payload, user_ids=call.workspace.users, counts_text=counts_text)
    if result.messages:
        details = {"messages": result.messages}
        raise WebApiError(result.error, errors=result.messages, response_metadata=details)
    if result.error:
        raise WebApiError(result.error)
    call.workspace.violations.extend(result.violations)
    unavailable = [pointer for pointer, file_id in _files_in(payload) if not call.workspace.is_file_ready(file_id)]
    if messages := [f"[ERROR] invalid slack file [json-pointer:{pointer}]" for pointer in unavailable]:
        raise TransientWebApiError("invalid_blocks", errors=messages, response_metadata={"messages": messages})


def _files_in(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (JSON pointer, file id) of each Slack file that a message shows."""
    objects = walk_objects(payload.get("blocks") or [], "/blocks")
    return [
        (f"{pointer}/slack_file", node["slack_file"].get("id")) for pointer, node in objects if "slack_file" in node
    ]


def _mark_files_visible(call: MethodCall, channel: Channel) -> None:
    """Mark the files of a post as visible in its channel."""
    for _, file_id in _files_in(call.arguments):
        call.workspace.files[file_id].visible_in.add(channel.id)


def _check_files_visible(call: MethodCall, channel: Channel) -> None:
    """Record a violation for files that no post showed: Slack accepts such an edit (slackapi/java-slack-sdk#1441)."""
    for _, file_id in _files_in(call.arguments):
        if channel.id not in call.workspace.files[file_id].visible_in:
            call.workspace.violations.append(f"people see 'file not found': no post in {channel.id} showed {file_id}")


def _content(call: MethodCall) -> dict[str, Any]:
    return {
        "text": call.arguments.get("text") or call.arguments.get("markdown_text") or "",
        "blocks": call.arguments.get("blocks") or [],
        "attachments": call.arguments.get("attachments") or [],
    }


def _open_channel(call: MethodCall) -> Channel:
    """Return the channel to post to; a user's id means their direct message channel."""
    target = str(call.arguments["channel"])
    user = call.workspace.users.get(target)
    if user and user.id != BOT_USER:
        if user.is_bot:
            raise WebApiError("cannot_dm_bot")
        if user.deleted:
            raise WebApiError("user_disabled")
        if not call.workspace.app.has_messages:
            raise WebApiError("messages_tab_disabled")
        return call.workspace.direct_message(user.id)
    channel = call.channel()
    _reject_archived(channel)
    if not channel.bot_is_member and "chat:write.public" not in call.scopes:
        raise WebApiError("not_in_channel")
    return channel


def _reject_archived(channel: Channel) -> None:
    if channel.is_archived:
        raise WebApiError("is_archived")


def _check_thread(call: MethodCall, channel: Channel) -> None:
    if not (ts := call.arguments.get("thread_ts")):
        return
    root = channel.message(ts)
    if root is None:
        raise WebApiError("thread_not_found")
    if root.thread_ts not in {None, ts}:
        raise WebApiError("cannot_reply_to_message")


def _own_message(call: MethodCall, channel: Channel, error: str) -> ChannelMessage:
    message = channel.message(str(call.arguments["ts"]))
    if message is None:
        raise WebApiError("message_not_found")
    if message.user != BOT_USER:
        raise WebApiError(error)
    return message
