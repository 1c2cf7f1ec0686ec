"""``files.*``: the upload of a file in three steps."""

import json
from typing import Any

from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.web_api.method import MethodCall, method
from bot.sandbox.slack.workspace import BOT, BOT_USER, UploadedFile, WebApiError

MAX_ALT_TEXT = 1000


@method(
    "files.getUploadURLExternal",
    required="filename length",
    optional="alt_txt snippet_type",
    scope="files:write",
)
def get_upload_url(call: MethodCall) -> dict[str, Any]:
    """Step 1: register a file of a given length and return its upload URL; step 2 is the upload itself."""
    try:
        length = int(call.arguments["length"])
    except ValueError:
        raise WebApiError("invalid_arguments") from None
    if length <= 0:
        raise WebApiError("invalid_arguments")
    alt_text = str(call.arguments.get("alt_txt") or "")
    if len(alt_text) > MAX_ALT_TEXT:
        raise WebApiError("alt_txt_too_large")
    file = UploadedFile(call.workspace.new_id("F"), str(call.arguments["filename"]), length, alt_txt=alt_text)
    call.workspace.files[file.id] = file
    return {"upload_url": call.workspace.issue_upload_url(file), "file_id": file.id}


@method(
    "files.completeUploadExternal",
    required="files",
    optional="channel_id channels initial_comment thread_ts blocks",
    scope="files:write",
)
def complete_upload(call: MethodCall) -> dict[str, Any]:
    """Step 3: complete the upload and share the files in a channel or a thread."""
    uploads = [_uploaded(call, item) for item in _items(call)]
    objects = [{"id": file.id, "title": title, "name": file.filename, "size": file.length} for file, title in uploads]
    if call.arguments.get("channel_id"):
        channel = call.joined_channel("channel_id")
        call.rate_limits.consume(channel.id)
        thread = call.arguments.get("thread_ts")
        if thread and not channel.message(thread):
            raise WebApiError("thread_not_found")
        text = str(call.arguments.get("initial_comment") or "")
        ts = call.workspace.ts()
        call.workspace.add_message(ChannelMessage(ts, channel.id, BOT_USER, text, BOT, thread_ts=thread, files=objects))
        for file, _ in uploads:
            file.visible_in.add(channel.id)
            if file.alt_txt:
                violation = "files with alt_txt are often shared nowhere (slackapi/python-slack-sdk#1818)"
                call.workspace.violations.append(violation)
    for file, _ in uploads:
        file.shared, file.completed_at = True, call.workspace.clock()
    return {"files": objects}


def _items(call: MethodCall) -> list[dict[str, Any]]:
    items = call.arguments["files"]
    try:
        items = json.loads(items) if isinstance(items, str) else items
    except json.JSONDecodeError:
        raise WebApiError("invalid_arguments") from None
    if not isinstance(items, list) or not items:
        raise WebApiError("invalid_arguments")
    return items


def _uploaded(call: MethodCall, item: dict[str, Any]) -> tuple[UploadedFile, str]:
    file = call.workspace.files.get(str(item.get("id")))
    if file is None or file.content is None or file.shared:
        raise WebApiError("file_not_found")
    return file, str(item.get("title") or file.filename)
