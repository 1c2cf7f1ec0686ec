"""``chat.*``: posting, editing and deleting, as strict as Slack."""

from typing import Any

from bot.sandbox.slack.blockkit import check_message, walk_objects
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, SentReply
from bot.sandbox.slack.web_api.method import MethodCall, method
from bot.sandbox.slack.web_api.shapes import message_json
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
    """Post into a channel, a thread, or to a person."""
    channel = _open_channel(call)
    call.rate_limits.consume(channel.id)
    _check_thread(call, channel)
    check_content(call)
    _let_see(call, channel)
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
    """Edit a message of the bot's own, for ever; nobody is notified."""
    channel = call.channel()
    _refuse_archived(channel)
    message = _own_message(call, channel, "cant_update_message")
    check_content(call)
    _mind_unseen(call, channel)
    changes = _content(call)
    if "metadata" in call.arguments:
        changes["metadata"] = call.arguments["metadata"] or None
    message.edit(**changes)
    call.workspace.notify_waiters()
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
    """Show a message to one person who is in the channel."""
    channel = _open_channel(call)
    if call.user_id() not in channel.members:
        raise WebApiError("user_not_in_channel")
    call.rate_limits.consume(channel.id)
    check_content(call)
    user, content = call.arguments["user"], _content(call)
    thread = call.arguments.get("thread_ts")
    del content["attachments"]
    shown = call.workspace.add_ephemeral(
        EphemeralMessage(call.workspace.ts(), channel.id, user, thread_ts=thread, **content)
    )
    call.workspace.add_reply(SentReply(**content, user=user, ephemeral=True, displayed=shown))
    return {"message_ts": shown.ts}


@method("chat.delete", required="channel ts", optional="as_user", scope="chat:write")
def delete(call: MethodCall) -> dict[str, Any]:
    """Delete a message of the bot's own."""
    channel = call.channel()
    message = _own_message(call, channel, "cant_delete_message")
    message.deleted = True
    call.workspace.notify_waiters()
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", required="channel message_ts")
def get_permalink(call: MethodCall) -> dict[str, Any]:
    """Return the address of a message."""
    channel, ts = call.channel(), call.arguments["message_ts"]
    if not channel.message(ts):
        raise WebApiError("message_not_found")
    link = f"https://sandbox.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def check_content(call: MethodCall, *, counts_text: bool = True) -> None:
    """Refuse what Slack would refuse; collect what only the house rules forbid."""
    payload = call.arguments
    verdict = check_message(payload, user_ids=call.workspace.users, counts_text=counts_text)
    if verdict.messages:
        details = {"messages": verdict.messages}
        raise WebApiError(verdict.error, errors=verdict.messages, response_metadata=details)
    if verdict.error:
        raise WebApiError(verdict.error)
    call.workspace.violations.extend(verdict.violations)
    wrong = [at for at, file_id in _files_in(payload) if not call.workspace.is_file_ready(file_id)]
    if said := [f"[ERROR] invalid slack file [json-pointer:{at}]" for at in wrong]:
        raise TransientWebApiError("invalid_blocks", errors=said, response_metadata={"messages": said})


def _files_in(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where a message shows files of Slack's, and which."""
    at_all = walk_objects(payload.get("blocks") or [], "/blocks")
    return [(f"{at}/slack_file", node["slack_file"].get("id")) for at, node in at_all if "slack_file" in node]


def _let_see(call: MethodCall, channel: Channel) -> None:
    """Let the people of a channel see what a post shows there."""
    for _, file_id in _files_in(call.arguments):
        call.workspace.files[file_id].visible_in.add(channel.id)


def _mind_unseen(call: MethodCall, channel: Channel) -> None:
    """Complain of files that no post showed: Slack takes such an edit (slackapi/java-slack-sdk#1441)."""
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
    """Return the channel to post to; a person's id means the direct messages with them."""
    target = str(call.arguments["channel"])
    person = call.workspace.users.get(target)
    if person and person.id != BOT_USER:
        if person.is_bot:
            raise WebApiError("cannot_dm_bot")
        if person.deleted:
            raise WebApiError("user_disabled")
        if not call.workspace.app.has_messages:
            raise WebApiError("messages_tab_disabled")
        return call.workspace.direct_message(person.id)
    channel = call.channel()
    _refuse_archived(channel)
    if not channel.bot_is_member and "chat:write.public" not in call.scopes:
        raise WebApiError("not_in_channel")
    return channel


def _refuse_archived(channel: Channel) -> None:
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
