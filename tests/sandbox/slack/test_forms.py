"""Forms: a Bolt app opens a modal, and users fill it in, submit it or close it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from tests.sandbox.slack.bolt_app import connect
from tests.sandbox.slack.views import an_input, modal, option

Json = dict[str, Any]


@pytest.fixture
def slack_options() -> dict[str, Any]:
    shortcuts = {"open": ("global", "Open"), "anything": ("global", "Anything")}
    return {"installed_app": replace(from_manifest(), shortcuts=shortcuts)}


ANSWERS: dict[str, Json] = {
    "bad": {"response_action": "errors", "errors": {"suffix": "Choose another one"}},
    "lost": {"response_action": "errors", "errors": {"nowhere": "?"}},
    "more": {"response_action": "push", "view": modal("More", callback_id="create")},
    "else": {"response_action": "update", "view": modal("Else", callback_id="create")},
    "clear": {"response_action": "clear"},
}
"""The app's response to a submission by the suffix entered; others are accepted."""


@pytest.fixture(params=["socket", "http"])
async def submissions(
    request: pytest.FixtureRequest, slack: Slack, client: AsyncWebClient
) -> AsyncIterator[list[Json]]:
    """Submissions that a Bolt app received; it opens a modal, and responds to a submission by its suffix."""
    app = AsyncApp(client=client, signing_secret=slack.signing_secret, process_before_response=True)
    received: list[Json] = []

    async def open_modal(ack: AsyncAck, body: Json) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(callback_id="create"))

    async def submit(ack: AsyncAck, body: Json) -> None:
        received.append(body)
        await ack(**ANSWERS.get(body["view"]["state"]["values"]["suffix"]["suffix"]["value"], {}))

    async def closed(ack: AsyncAck, body: Json) -> None:
        received.append(body)
        await ack()

    async def nothing(ack: AsyncAck) -> None:
        await ack()

    async def offer(ack: AsyncAck, body: Json) -> None:
        await ack(options=[option(f"{body['value']}-{n}") for n in range(2)])

    app.options("job")(offer)
    app.shortcut("open")(open_modal)
    app.shortcut("anything")(nothing)
    app.view("create")(submit)
    app.view_closed("noisy")(closed)
    async with AsyncExitStack() as stack:
        await connect(stack, slack, app, request.param)
        yield received


async def test_a_form_is_filled_in_and_closes(slack: Slack, ann: SandboxUser, submissions: list[Json]) -> None:
    view = await (await ann.shortcut("open")).modal()
    interaction = await ann.submit(view, {"suffix": "mine", "model": "large", "extras": ["b"]})
    assert interaction.acked
    assert (view.closed, slack.workspace.modal_stacks[ann.id]) == (True, [])
    (body,) = submissions
    assert body["view"]["state"]["values"] == {
        "suffix": {"suffix": {"type": "plain_text_input", "value": "mine"}},
        "model": {"model": {"type": "static_select", "selected_option": option("large")}},
        "extras": {"extras": {"type": "checkboxes", "selected_options": [option("b")]}},
    }
    assert (body["type"], body["user"]["id"], body["view"]["id"]) == ("view_submission", ann.id, view.id)
    with pytest.raises(AssertionError, match="the modal is closed"):
        await ann.submit(view, {})


@pytest.mark.usefixtures("submissions")
async def test_a_form_with_errors_stays_open(slack: Slack, ann: SandboxUser) -> None:
    view = await (await ann.shortcut("open")).modal()
    await ann.submit(view, {"suffix": "bad", "model": "large"})
    assert (view.closed, view.errors) == (False, {"suffix": "Choose another one"})
    await ann.submit(view, {"suffix": "good", "model": "large"})
    assert (view.closed, view.errors, slack.violations) == (True, {}, [])


@pytest.mark.usefixtures("submissions")
async def test_an_error_for_an_unknown_input_is_a_violation(slack: Slack, ann: SandboxUser) -> None:
    view = await (await ann.shortcut("open")).modal()
    await ann.submit(view, {"suffix": "lost", "model": "large"})
    assert slack.violations == ["an error for the input 'nowhere', which is not in the form"]


@pytest.mark.usefixtures("submissions")
async def test_a_submission_can_push_update_and_clear_views(slack: Slack, ann: SandboxUser) -> None:
    view = await (await ann.shortcut("open")).modal()
    await ann.submit(view, {"suffix": "else", "model": "large"})
    assert (view.text, view.closed) == ("Else", False)
    await ann.submit(view, {"suffix": "more", "model": "large"})
    stack = slack.workspace.modal_stacks[ann.id]
    assert [each.text for each in stack] == ["Else", "More"]
    await ann.submit(stack[-1], {"suffix": "clear", "model": "large"})
    assert view.closed
    assert ann.id not in slack.workspace.modal_stacks


@pytest.mark.usefixtures("submissions")
@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"suffix": "x"}, "model/model has to be filled in"),
        ({"suffix": "", "model": "large"}, "suffix/suffix has to be filled in"),
        ({"suffix": "x", "model": "huge"}, "no option 'huge'"),
        ({"suffix": "x", "model": "large", "colour": "red"}, "no input .*colour"),
        ({"suffix": "x" * 19, "model": "large"}, "takes 0 to 18 characters"),
    ],
)
async def test_a_form_that_slacks_client_rejects_is_not_sent(
    ann: SandboxUser, values: dict[str, str], error: str
) -> None:
    view = await (await ann.shortcut("open")).modal()
    with pytest.raises(AssertionError, match=error):
        await ann.submit(view, values)


async def test_view_closed_is_sent_only_with_notify_on_close(
    ann: SandboxUser, client: AsyncWebClient, submissions: list[Json]
) -> None:
    view = await (await ann.shortcut("open")).modal()
    assert not (await ann.close(view)).acked
    interaction = await ann.shortcut("anything")
    noisy = modal(callback_id="noisy", notify_on_close=True)
    await client.views_open(trigger_id=interaction.trigger_id, view=noisy)
    assert (await ann.close(await interaction.modal())).acked
    assert [body["type"] for body in submissions] == ["view_closed"]


@pytest.mark.usefixtures("submissions")
async def test_an_external_select_gets_its_options_from_the_app(ann: SandboxUser, client: AsyncWebClient) -> None:
    menu = an_input("job", {"type": "external_select", "action_id": "job", "min_query_length": 1})
    interaction = await ann.shortcut("anything")
    await client.views_open(trigger_id=interaction.trigger_id, view=modal(blocks=[menu], callback_id="create"))
    options = await ann.options(await interaction.modal(), "job", "ft")
    assert [each["value"] for each in options] == ["ft-0", "ft-1"]
