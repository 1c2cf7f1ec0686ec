"""File uploads, in three steps: get an upload URL, send the bytes to it, complete the upload.

The upload shares the file with nobody; a message shows it. Then Slack reports whether it accepts the file, and the
message holds the alt text. With ``alt_txt`` in the first step Slack would silently not share the file
(slackapi/python-slack-sdk#1818). https://docs.slack.dev/messaging/working-with-files#upload
"""

import json
from dataclasses import replace
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.call import SlackCallError, call
from bot.slack.issued_urls import IssuedUrls
from bot.slack.messages import FileUpload

UPLOAD_ORIGIN = "https://files.slack.com/"

log = structlog.get_logger()


class Files:
    """Uploads images."""

    def __init__(
        self,
        client: AsyncWebClient,
        urls: IssuedUrls,
    ) -> None:
        """Accept the upload URLs of ``urls`` and of Slack's own upload host."""
        self._client = client
        self._urls = replace(urls, prefixes=(UPLOAD_ORIGIN, *urls.prefixes))
        self._is_scope_logged = False

    async def upload(self, upload: FileUpload) -> str | None:
        """Upload an image and return Slack's file id, or None if that failed."""
        try:
            return await call(self._upload(upload))
        except SlackCallError as error:
            lacks_scope = error.name == "missing_scope"
            if not (lacks_scope and self._is_scope_logged):
                log.warning("file.upload_failed", error=error.name or str(error))
            self._is_scope_logged = lacks_scope
            return None

    async def _upload(self, upload: FileUpload) -> str | None:
        arguments: dict[str, Any] = {"filename": upload.name, "length": len(upload.content)}
        target = await self._client.api_call("files.getUploadURLExternal", params=arguments)
        url, file = str(target["upload_url"]), str(target["file_id"])
        if not self._urls.accepts(url):
            log.warning("file.foreign_upload_url")
            return None
        async with self._urls.post(url, data=upload.content) as response:
            if response.status != 200:  # noqa: PLR2004
                log.warning("file.upload_failed", status=response.status)
                return None
        done: dict[str, Any] = {"files": json.dumps([{"id": file, "title": upload.title}])}
        await self._client.api_call("files.completeUploadExternal", params=done)
        return file
