"""Webhooks as OpenAI sends them: signed, retried until they are accepted, and only when a job ends."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

from bot.sandbox.openai.api.wire import JsonObject

USER_AGENT = "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)"
_RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts; the service retries for three days."""


def new_secret() -> str:
    """Return a signing secret as OpenAI shows it once, when a webhook is created."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}"


@dataclass(frozen=True)
class WebhookEvent:
    """One event with its id and body."""

    body: bytes
    id: str = field(default_factory=lambda: f"wh_{secrets.token_hex(16)}")

    def headers(self, secret: str, at: float) -> dict[str, str]:
        """Return the signed headers for an attempt at a time: https://www.standardwebhooks.com."""
        timestamp = str(int(at))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signature = hmac.new(key, f"{self.id}.{timestamp}.".encode() + self.body, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "webhook-id": self.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }


class WebhookSender:
    """Sends events to one URL."""

    def __init__(self, url: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self.url, self.secret = url, secret
        self.response_statuses: list[int] = []
        """HTTP status of each attempt's response, 0 if there was none."""
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def send_event(self, type_: str, job_id: str) -> WebhookEvent:
        """Create an event and send it until it is accepted; return it."""
        event: dict[str, Any] = {
            "id": f"evt_{secrets.token_hex(16)}",
            "object": "event",
            "created_at": int(self._clock()),
            "type": type_,
            "data": {"id": job_id},
        }
        webhook = WebhookEvent(json.dumps(event).encode())
        self.deliver(webhook)
        return webhook

    def send_job_end(self, job: JsonObject) -> None:
        """Send the event of a job that ended."""
        self.send_event(f"fine_tuning.job.{job['status']}", job["id"])

    def deliver(self, webhook: WebhookEvent) -> None:
        """Send an event in the background; one that was sent before is a retry."""
        task = asyncio.get_running_loop().create_task(self._deliver(webhook))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel all deliveries."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, webhook: WebhookEvent) -> None:
        async with aiohttp.ClientSession() as session:
            for delay in _RETRY_DELAYS:
                headers = webhook.headers(self.secret, self._clock())
                try:
                    async with session.post(
                        self.url, data=webhook.body, headers=headers, allow_redirects=False
                    ) as response:
                        self.response_statuses.append(response.status)
                        if response.status < HTTPStatus.MULTIPLE_CHOICES:
                            return
                except aiohttp.ClientError:
                    self.response_statuses.append(0)
                await asyncio.sleep(delay)
