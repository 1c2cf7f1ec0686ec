"""Pictures go to Slack in three steps: ask where, send the bytes there, say that they are complete.

They are shared nowhere by that, a message shows them: then Slack says whether it took them, and what a screen reader
reads stands in the message. With ``alt_txt`` in the first step files are not shared at all, and Slack says nothing
(slackapi/python-slack-sdk#1818). https://docs.slack.dev/messaging/working-with-files#upload
"""

import json
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.net.proxies import DIRECT, Proxies
from bot.slack.messages import FileUpload

UPLOAD_ORIGIN = "https://files.slack.com/"

log = structlog.get_logger()


class Files:
    """Uploads pictures."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        origins: tuple[str, ...],
        proxies: Proxies = DIRECT,
    ) -> None:
        """Take what it needs; bytes go to addresses that begin with one of ``origins``, or to Slack's own."""
        self._client = client
        self._session = session
        self._origins = (UPLOAD_ORIGIN, *origins)
        self._proxies = proxies
        self._is_scope_logged = False

    async def upload(self, upload: FileUpload) -> str | None:
        """Upload a picture and return Slack's id of it, None where that did not work. It never raises for what Slack does."""
        try:
            return await self._upload(upload)
        except SlackApiError as error:
            said = error.response.data
            word = said.get("error") if isinstance(said, dict) else "broken_answer"
            if not (word == "missing_scope" and self._is_scope_logged):
                log.warning("file.refused", error=word)
            self._is_scope_logged = word == "missing_scope"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("file.failed", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            log.warning("slack.broken_answer", error=f"{type(error).__name__}: {error}")
        return None

    async def _upload(self, upload: FileUpload) -> str | None:
        arguments: dict[str, Any] = {"filename": upload.name, "length": len(upload.content)}
        target = await self._client.api_call("files.getUploadURLExternal", params=arguments)
        url, file = str(target["upload_url"]), str(target["file_id"])
        # Compared as text: two parsers of addresses may see two hosts in one.
        if not url.startswith(self._origins):
            log.warning("upload_url.not_slacks")
            return None
        async with self._session.post(
            url, data=upload.content, proxy=self._proxies.url_for(url), allow_redirects=False
        ) as response:
            if response.status != 200:  # noqa: PLR2004
                log.warning("file.refused", status=response.status)
                return None
        done: dict[str, Any] = {"files": json.dumps([{"id": file, "title": upload.title}])}
        await self._client.api_call("files.completeUploadExternal", params=done)
        return file
