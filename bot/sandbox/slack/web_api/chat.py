"""``chat.*``: posting, editing and deleting, as strict as Slack."""

from typing import Any

from bot.sandbox.slack.blockkit import check_message, nodes
from bot.sandbox.slack.messages import Ephemeral, Message, Reply
from bot.sandbox.slack.web_api.method import Call, method
from bot.sandbox.slack.web_api.shapes import message_shape
from bot.sandbox.slack.workspace import BOT, BOT_USER, Channel, Refusal, Unready

CONTENT = "text blocks attachments link_names parse markdown_text as_user"
LOOKS = "username icon_emoji icon_url unfurl_links unfurl_media mrkdwn"


@method(
    "chat.postMessage",
    required="channel",
    optional=f"{CONTENT} {LOOKS} metadata thread_ts reply_broadcast",
    scope="chat:write",
)
def post_message(call: Call) -> dict[str, Any]:
    """Post into a channel, a thread, or to a person."""
    channel = _open_channel(call)
    call.limits.spend(channel.id)
    _check_thread(call, channel)
    check(call)
    _let_see(call, channel)
    message = call.workspace.add_message(
        Message(
            ts=call.workspace.ts(),
            channel=channel.id,
            user=BOT_USER,
            bot_id=BOT,
            thread_ts=call.arguments.get("thread_ts"),
            reply_broadcast=call.is_set("reply_broadcast"),
            metadata=call.arguments.get("metadata"),
            **_content(call),
        )
    )
    return {"channel": channel.id, "ts": message.ts, "message": message_shape(message)}


@method("chat.update", required="channel ts", optional=f"{CONTENT} metadata reply_broadcast", scope="chat:write")
def update(call: Call) -> dict[str, Any]:
    """Edit a message of the bot's own, for ever; nobody is notified."""
    channel = call.channel()
    _refuse_archived(channel)
    message = _own_message(call, channel, "cant_update_message")
    check(call)
    _mind_unseen(call, channel)
    changes = _content(call)
    if "metadata" in call.arguments:
        changes["metadata"] = call.arguments["metadata"] or None
    message.become(**changes)
    call.workspace.moved()
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": message_shape(message),
    }


@method(
    "chat.postEphemeral",
    required="channel user",
    optional=f"{CONTENT} thread_ts username icon_emoji icon_url",
    scope="chat:write",
)
def post_ephemeral(call: Call) -> dict[str, Any]:
    """Show a message to one person who is in the channel."""
    channel = _open_channel(call)
    if call.person() not in channel.members:
        raise Refusal("user_not_in_channel")
    call.limits.spend(channel.id)
    check(call)
    user, content = call.arguments["user"], _content(call)
    thread = call.arguments.get("thread_ts")
    del content["attachments"]
    shown = call.workspace.add_ephemeral(Ephemeral(call.workspace.ts(), channel.id, user, thread_ts=thread, **content))
    call.workspace.add_reply(Reply(**content, user=user, ephemeral=True, shown=shown))
    return {"message_ts": shown.ts}


@method("chat.delete", required="channel ts", optional="as_user", scope="chat:write")
def delete(call: Call) -> dict[str, Any]:
    """Delete a message of the bot's own."""
    channel = call.channel()
    message = _own_message(call, channel, "cant_delete_message")
    message.deleted = True
    call.workspace.moved()
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", required="channel message_ts")
def get_permalink(call: Call) -> dict[str, Any]:
    """Return the address of a message."""
    channel, ts = call.channel(), call.arguments["message_ts"]
    if not channel.message(ts):
        raise Refusal("message_not_found")
    link = f"https://sandbox.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def check(call: Call, *, counts_text: bool = True) -> None:
    """Refuse what Slack would refuse; collect what only the house rules forbid."""
    payload = call.arguments
    verdict = check_message(payload, people=call.workspace.people, counts_text=counts_text)
    if verdict.messages:
        details = {"messages": verdict.messages}
        raise Refusal(verdict.error, errors=verdict.messages, response_metadata=details)
    if verdict.error:
        raise Refusal(verdict.error)
    call.workspace.complaints.extend(verdict.complaints)
    wrong = [at for at, file_id in _files_in(payload) if not call.workspace.shows_file(file_id)]
    if said := [f"[ERROR] invalid slack file [json-pointer:{at}]" for at in wrong]:
        raise Unready("invalid_blocks", errors=said, response_metadata={"messages": said})


def _files_in(payload: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where a message shows files of Slack's, and which."""
    at_all = nodes(payload.get("blocks") or [], "/blocks")
    return [(f"{at}/slack_file", node["slack_file"].get("id")) for at, node in at_all if "slack_file" in node]


def _let_see(call: Call, channel: Channel) -> None:
    """Let the people of a channel see what a post shows there."""
    for _, file_id in _files_in(call.arguments):
        call.workspace.files[file_id].seen_in.add(channel.id)


def _mind_unseen(call: Call, channel: Channel) -> None:
    """Complain of files that no post showed: Slack takes such an edit (slackapi/java-slack-sdk#1441)."""
    for _, file_id in _files_in(call.arguments):
        if channel.id not in call.workspace.files[file_id].seen_in:
            call.workspace.complaints.append(f"people see 'file not found': no post in {channel.id} showed {file_id}")


def _content(call: Call) -> dict[str, Any]:
    return {
        "text": call.arguments.get("text") or call.arguments.get("markdown_text") or "",
        "blocks": call.arguments.get("blocks") or [],
        "attachments": call.arguments.get("attachments") or [],
    }


def _open_channel(call: Call) -> Channel:
    """Return the channel to post to; a person's id means the direct messages with them."""
    target = str(call.arguments["channel"])
    person = call.workspace.people.get(target)
    if person and person.id != BOT_USER:
        if person.is_bot:
            raise Refusal("cannot_dm_bot")
        if person.deleted:
            raise Refusal("user_disabled")
        if not call.workspace.installed.has_messages:
            raise Refusal("messages_tab_disabled")
        return call.workspace.direct_message(person.id)
    channel = call.channel()
    _refuse_archived(channel)
    if not channel.bot_is_member and "chat:write.public" not in call.scopes:
        raise Refusal("not_in_channel")
    return channel


def _refuse_archived(channel: Channel) -> None:
    if channel.is_archived:
        raise Refusal("is_archived")


def _check_thread(call: Call, channel: Channel) -> None:
    if not (ts := call.arguments.get("thread_ts")):
        return
    root = channel.message(ts)
    if root is None:
        raise Refusal("thread_not_found")
    if root.thread_ts not in {None, ts}:
        raise Refusal("cannot_reply_to_message")


def _own_message(call: Call, channel: Channel, error: str) -> Message:
    message = channel.message(str(call.arguments["ts"]))
    if message is None:
        raise Refusal("message_not_found")
    if message.user != BOT_USER:
        raise Refusal(error)
    return message
