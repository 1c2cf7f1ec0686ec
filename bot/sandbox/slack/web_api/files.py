"""``files.*``: an upload in three steps."""

import json
from typing import Any

from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.web_api.method import Call, method
from bot.sandbox.slack.workspace import BOT, BOT_USER, File, Refusal

LONGEST_ALT_TEXT = 1000


@method(
    "files.getUploadURLExternal",
    required="filename length",
    optional="alt_txt snippet_type",
    scope="files:write",
)
def get_upload_url(call: Call) -> dict[str, Any]:
    """Begin: say how long the file is, and learn where its bytes go."""
    try:
        length = int(call.arguments["length"])
    except ValueError:
        raise Refusal("invalid_arguments") from None
    if length <= 0:
        raise Refusal("invalid_arguments")
    alt_text = str(call.arguments.get("alt_txt") or "")
    if len(alt_text) > LONGEST_ALT_TEXT:
        raise Refusal("alt_txt_too_large")
    file = File(call.workspace.number("F"), str(call.arguments["filename"]), length, alt_txt=alt_text)
    call.workspace.files[file.id] = file
    return {"upload_url": call.workspace.hand_out_upload(file), "file_id": file.id}


@method(
    "files.completeUploadExternal",
    required="files",
    optional="channel_id channels initial_comment thread_ts blocks",
    scope="files:write",
)
def complete_upload(call: Call) -> dict[str, Any]:
    """End: share what was uploaded in a channel or a thread."""
    done = [_uploaded(call, item) for item in _items(call)]
    shapes = [{"id": file.id, "title": title, "name": file.filename, "size": file.length} for file, title in done]
    if call.arguments.get("channel_id"):
        channel = call.joined_channel("channel_id")
        call.limits.spend(channel.id)
        thread = call.arguments.get("thread_ts")
        if thread and not channel.message(thread):
            raise Refusal("thread_not_found")
        text = str(call.arguments.get("initial_comment") or "")
        ts = call.workspace.ts()
        call.workspace.add_message(Message(ts, channel.id, BOT_USER, text, BOT, thread_ts=thread, files=shapes))
        for file, _ in done:
            file.seen_in.add(channel.id)
            if file.alt_txt:
                unsure = "files with alt_txt are often shared nowhere (slackapi/python-slack-sdk#1818)"
                call.workspace.complaints.append(unsure)
    for file, _ in done:
        file.shared, file.completed_at = True, call.workspace.clock()
    return {"files": shapes}


def _items(call: Call) -> list[dict[str, Any]]:
    items = call.arguments["files"]
    try:
        items = json.loads(items) if isinstance(items, str) else items
    except json.JSONDecodeError:
        raise Refusal("invalid_arguments") from None
    if not isinstance(items, list) or not items:
        raise Refusal("invalid_arguments")
    return items


def _uploaded(call: Call, item: dict[str, Any]) -> tuple[File, str]:
    file = call.workspace.files.get(str(item.get("id")))
    if file is None or file.content is None or file.shared:
        raise Refusal("file_not_found")
    return file, str(item.get("title") or file.filename)
