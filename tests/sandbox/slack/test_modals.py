"""Modals and Home tabs: opened by a trigger id, three deep, replaced by their hash."""

from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from tests.sandbox.clock import Clock
from tests.sandbox.slack.views import modal, plain
from tests.sandbox.slack.web_client import error_response

Json = dict[str, Any]


@pytest.fixture
def slack_options() -> dict[str, Any]:
    shortcuts = {"open": ("global", "Open"), "anything": ("global", "Anything")}
    return {"installed_app": replace(from_manifest(), shortcuts=shortcuts)}


async def trigger_of(person: SandboxUser) -> str:
    """Return the trigger id of a shortcut, without a connected app."""
    return (await person.shortcut("anything")).trigger_id


async def test_a_trigger_id_opens_one_modal(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    interaction = await ann.shortcut("anything")
    opened = (await client.views_open(trigger_id=interaction.trigger_id, view=modal()))["view"]
    view = await interaction.modal()
    assert (view.id, view.user, view.text) == (opened["id"], ann.id, "Create")
    assert opened["root_view_id"] == opened["id"]
    again = client.views_open(trigger_id=interaction.trigger_id, view=modal())
    assert (await error_response(again))["error"] == "exchanged_trigger_id"
    assert slack.violations == []


@pytest.mark.parametrize(
    ("letters", "error"), [("a" * 2400, ""), ("é" * 2400, "view_too_large"), ("a" * 3000, "view_too_large")]
)
async def test_a_view_is_limited_to_250_kilobytes(slack: Slack, ann: SandboxUser, letters: str, error: str) -> None:
    texts = [{"type": "section", "text": plain(letters)} for _ in range(98)]
    view = {"type": "modal", "title": plain("Long"), "blocks": texts}
    opened = slack.handle("views.open", {"trigger_id": await trigger_of(ann), "view": view})
    assert opened.body.get("error", "") == error
    assert len(slack.errors) == bool(error)


async def test_a_trigger_id_expires_after_three_seconds(ann: SandboxUser, client: AsyncWebClient, clock: Clock) -> None:
    trigger = await trigger_of(ann)
    clock.now += 3.5
    late = client.views_open(trigger_id=trigger, view=modal())
    assert (await error_response(late))["error"] == "expired_trigger_id"
    unknown = client.views_open(trigger_id="1.2.3", view=modal())
    assert (await error_response(unknown))["error"] == "invalid_trigger_id"


async def test_an_invalid_view_does_not_consume_the_trigger_id(ann: SandboxUser, client: AsyncWebClient) -> None:
    trigger = await trigger_of(ann)
    response = await error_response(client.views_open(trigger_id=trigger, view=modal("t" * 25)))
    assert response["error"] == "invalid_arguments"
    assert response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    await client.views_open(trigger_id=trigger, view=modal())


async def test_modals_stack_three_deep(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    early = client.views_push(trigger_id=await trigger_of(ann), view=modal())
    assert (await error_response(early))["error"] == "not_found"
    first = (await client.views_open(trigger_id=await trigger_of(ann), view=modal()))["view"]
    for _ in range(2):
        top = (await client.views_push(trigger_id=await trigger_of(ann), view=modal()))["view"]
    assert top["root_view_id"] == first["id"]
    fourth = client.views_push(trigger_id=await trigger_of(ann), view=modal())
    assert (await error_response(fourth))["error"] == "push_limit_reached"
    assert len(slack.workspace.modal_stacks[ann.id]) == 3


async def test_views_update_checks_the_hash(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    opened = (await client.views_open(trigger_id=await trigger_of(ann), view=modal(external_id="mine")))["view"]
    new = modal("Changed", external_id="mine")
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=new)
    stale = client.views_update(external_id="mine", hash=opened["hash"], view=modal())
    assert (await error_response(stale))["error"] == "hash_conflict"
    assert (await error_response(client.views_update(view_id="V0", view=modal())))["error"] == "not_found"
    assert slack.workspace.views[opened["id"]].text == "Changed"


async def test_views_publish_checks_the_hash(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [{"type": "section", "text": plain("one")}]}
    first = (await client.views_publish(user_id=ann.id, view=home))["view"]
    await client.views_publish(user_id=ann.id, view=home, hash=first["hash"])
    stale = client.views_publish(user_id=ann.id, view=home, hash=first["hash"])
    assert (await error_response(stale))["error"] == "hash_conflict"
    assert slack.homes[ann.id].plain_text == "one"
    assert (await error_response(client.views_publish(user_id="U0", view=home)))["error"] == "user_not_found"
    wrong = client.views_publish(user_id=ann.id, view=modal())
    assert (await error_response(wrong))["error"] == "invalid_arguments"


async def test_a_click_in_a_home_tab_has_no_response_url(
    slack: Slack, ann: SandboxUser, client: AsyncWebClient
) -> None:
    button = {"type": "button", "action_id": "go", "text": plain("Go")}
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
    await client.views_publish(user_id=ann.id, view=home)
    interaction = await ann.click(slack.homes[ann.id], "go")
    assert (interaction.response_url, bool(interaction.trigger_id)) == ("", True)
    with pytest.raises(AssertionError, match="no control 'stop'"):
        await ann.click(slack.homes[ann.id], "stop")
