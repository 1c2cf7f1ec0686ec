"""Views: modals and the Home tab. Errors of Slack are logged, not raised."""

from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.parts import Block
from bot.blocks.view import View
from bot.slack.call import SlackCallError, call
from bot.slack.messages import PostResult

TRIGGER_SECONDS = 3.0
"""Lifetime of a trigger id, which opens one modal: https://docs.slack.dev/interactivity/handling-user-interaction."""

log = structlog.get_logger()


class Views:
    """The ``views`` methods of the Web API."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def open(self, trigger_id: str, view: View) -> str | None:
        """Open a modal and return its id, or None if Slack did not open it. There is no retry."""
        try:
            request = self._client.views_open(trigger_id=trigger_id, view=view.payload())
            response = await call(request, seconds=TRIGGER_SECONDS)
        except SlackCallError as error:
            log.info("view.open_failed", error=error.reason)
            return None
        view_id = (response.get("view") or {}).get("id")
        return view_id if isinstance(view_id, str) else None

    async def update(self, view_id: str, view: View) -> PostResult | None:
        """Replace the content of a modal. Return the failed result, as after the user closed it; None if it worked."""
        arguments: dict[str, Any] = {"view_id": view_id, "view": view.payload()}
        try:
            await call(self._client.views_update(**arguments))
        except SlackCallError as error:
            log.info("view.update_failed", error=error.reason)
            return error.result()
        return None

    async def publish(self, person: str, view: Block) -> None:
        """Publish a user's Home tab."""
        try:
            await call(self._client.views_publish(user_id=person, view=view))
        except SlackCallError as error:
            log.info("home.publish_failed", error=error.reason)
