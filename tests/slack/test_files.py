"""File upload: how a chart gets to Slack, and what happens when that fails."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.slack.files import Files
from bot.slack.issued_urls import IssuedUrls
from bot.slack.messages import FileUpload

IMAGE = FileUpload(b"\x89PNG", "ftjob-abc123.png", "Loss")
ASK, DONE = "files.getUploadURLExternal", "files.completeUploadExternal"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def files(slack: Slack, session: aiohttp.ClientSession) -> Files:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)
    client.retry_handlers = []
    return Files(client, IssuedUrls(session, (slack.workspace.origin() + "/",)))


async def test_a_chart_is_uploaded_in_three_steps_and_shared_nowhere(slack: Slack, files: Files) -> None:
    channel = slack.add_channel("ml")
    file_id = await files.upload(IMAGE)
    (file,) = slack.workspace.files.values()
    assert (file.id, file.content, file.filename) == (file_id, IMAGE.content, IMAGE.name)
    assert slack.workspace.is_file_ready(file_id)
    assert (channel.messages, file.visible_in, file.alt_txt) == ([], set(), "")


async def test_a_missing_scope_is_logged_once_until_there_is_another_reason(slack: Slack, files: Files) -> None:
    slack.scopes -= {"files:write"}
    with capture_logs() as logs:
        assert [await files.upload(IMAGE) for _ in range(3)] == [None] * 3
    assert [(entry["event"], entry["error"]) for entry in logs] == [("file.upload_failed", "missing_scope")]


@pytest.mark.parametrize(
    "url",
    [
        "https://files.slack.com.evil.example/upload/F1",
        "http://files.slack.com/upload/F1",
        "https://files.slack.com@evil.example/",
        "http://169.254.169.254/latest",
        None,
    ],
)
async def test_nothing_is_sent_to_a_foreign_url(slack: Slack, files: Files, url: str | None) -> None:
    slack.faults.add(ASK, Fault("answer", status=200, body={"ok": True, "upload_url": url, "file_id": "F1"}))
    with capture_logs() as logs:
        assert await files.upload(IMAGE) is None
    assert [entry["event"] for entry in logs] == ["file.foreign_upload_url"]
    assert [entry.endpoint for entry in slack.request_log] == [ASK]


@pytest.mark.parametrize("step", [ASK, "upload", DONE])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop"),
        Fault("answer", status=500, body="<html>"),
        Fault("answer", status=302, headers={"Location": "http://169.254.169.254/"}, body=""),
        Fault("answer", status=429, headers={"Retry-After": "1"}, body={"ok": False, "error": "ratelimited"}),
    ],
    ids=["dropped", "500", "redirect", "rate limit"],
)
async def test_a_step_that_fails_is_no_error_and_no_chart(slack: Slack, files: Files, step: str, fault: Fault) -> None:
    slack.faults.add(step, fault)
    with capture_logs() as logs:
        assert await files.upload(IMAGE) is None
    assert len(logs) == 1
    assert "xoxb" not in str(logs)
    assert await files.upload(IMAGE) is not None
