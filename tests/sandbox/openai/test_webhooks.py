"""Webhooks of the stand-in, verified by OpenAI's own package."""

import json

import openai
import pytest
from openai import InvalidWebhookSignatureError

from bot.sandbox.openai.api.webhooks import WebhookEvent, new_secret

BODY = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "created_at": 1_790_000_000,
        "type": "fine_tuning.job.failed",
        "data": {"id": "ftjob-abc123"},
    }
).encode()


def test_openais_package_verifies_the_stand_ins_signatures_and_no_others() -> None:
    client, secret, now = openai.OpenAI(api_key="none"), new_secret(), 1_790_000_000.0
    headers = WebhookEvent(BODY).headers(secret, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.time", lambda: now)
        event = client.webhooks.unwrap(BODY, headers, secret=secret)
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(BODY, headers, secret=new_secret())

    assert event.type == "fine_tuning.job.failed"
    assert event.data.id == "ftjob-abc123"
