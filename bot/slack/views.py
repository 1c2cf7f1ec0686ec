"""Windows (modals) in Slack: opened at once, changed when there is something to show."""

import asyncio
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.parts import Block
from bot.blocks.view import View
from bot.slack.errors import to_post_result
from bot.slack.messages import PostResult

TRIGGER_SECONDS = 3.0
"""Seconds for which a trigger is good, once: https://docs.slack.dev/interactivity/handling-user-interaction."""

log = structlog.get_logger()


class Views:
    """Opens and changes windows. Nothing raises for what Slack does."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def open(self, trigger_id: str, view: View) -> str | None:
        """Open a window for whoever acted, and return its id; None where Slack did not, which is not tried again."""
        try:
            async with asyncio.timeout(TRIGGER_SECONDS):
                response = await self._client.views_open(trigger_id=trigger_id, view=view.payload())
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            log.info("view.not_opened", error=_error_name(error))
            return None
        view_id = (response.get("view") or {}).get("id")
        return view_id if isinstance(view_id, str) else None

    async def update(self, view_id: str, view: View) -> PostResult | None:
        """Show something else in a window; return why it did not work, as after somebody closed it, None where it did."""
        arguments: dict[str, Any] = {"view_id": view_id, "view": view.payload()}
        try:
            await self._client.views_update(**arguments)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            log.info("view.not_updated", error=_error_name(error))
            return (
                to_post_result(error)
                if isinstance(error, SlackApiError)
                else PostResult(error=_error_name(error), maybe_posted=True)
            )
        return None

    async def publish(self, person: str, view: Block) -> None:
        """Show somebody their Home tab: what fails is drawn anew when it is opened again."""
        try:
            await self._client.views_publish(user_id=person, view=view)
        except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
            log.info("home.not_shown", error=_error_name(error))


def _error_name(error: Exception) -> str | None:
    return to_post_result(error).error if isinstance(error, SlackApiError) else type(error).__name__
