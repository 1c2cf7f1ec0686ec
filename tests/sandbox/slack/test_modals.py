"""Modals: opened by a trigger, three deep, filled in, refused, closed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from tests.sandbox.clock import Clock

Json = dict[str, Any]


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[Slack]:
    app = replace(from_manifest(), shortcuts={"open": ("global", "Open"), "anything": ("global", "Anything")})
    async with Slack(clock=clock, installed_app=app) as running:
        yield running


@pytest.fixture
async def client(slack: Slack) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)


@pytest.fixture
def ann(slack: Slack) -> SandboxUser:
    return slack.add_user("ann")


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    return {"text": plain(value), "value": value}


def an_input(block_id: str, element: Json, **more: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}


def modal(title: str = "Create", **more: Any) -> Json:
    blocks = [
        an_input("suffix", {"type": "plain_text_input", "action_id": "suffix", "max_length": 18}),
        an_input(
            "model",
            {"type": "static_select", "action_id": "model", "options": [option("small"), option("large")]},
        ),
        an_input(
            "extras",
            {"type": "checkboxes", "action_id": "extras", "options": [option("a"), option("b")]},
            optional=True,
        ),
    ]
    view = {"type": "modal", "title": plain(title), "submit": plain("Go"), "blocks": blocks}
    return view | more


async def trigger_of(person: SandboxUser) -> str:
    """Let a person do something; nobody listens, but a trigger id is handed out."""
    return (await person.shortcut("anything")).trigger_id


async def refusal(call: Any) -> Any:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


# --- triggers and stacks ---


async def test_a_trigger_opens_one_modal(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    exchange = await ann.shortcut("anything")
    opened = (await client.views_open(trigger_id=exchange.trigger_id, view=modal()))["view"]
    view = await exchange.modal()
    assert (view.id, view.user, view.text) == (opened["id"], ann.id, "Create")
    assert opened["root_view_id"] == opened["id"]
    again = client.views_open(trigger_id=exchange.trigger_id, view=modal())
    assert (await refusal(again))["error"] == "exchanged_trigger_id"
    assert slack.violations == []


@pytest.mark.parametrize(
    ("letters", "error"), [("a" * 2400, ""), ("é" * 2400, "view_too_large"), ("a" * 3000, "view_too_large")]
)
async def test_a_view_holds_250_kilobytes(slack: Slack, ann: SandboxUser, letters: str, error: str) -> None:
    texts = [{"type": "section", "text": plain(letters)} for _ in range(98)]
    view = {"type": "modal", "title": plain("Long"), "blocks": texts}
    opened = slack.handle("views.open", {"trigger_id": await trigger_of(ann), "view": view})
    assert opened.body.get("error", "") == error
    assert len(slack.errors) == bool(error)


async def test_a_trigger_is_good_for_three_seconds(ann: SandboxUser, client: AsyncWebClient, clock: Clock) -> None:
    trigger = await trigger_of(ann)
    clock.now += 3.5
    late = client.views_open(trigger_id=trigger, view=modal())
    assert (await refusal(late))["error"] == "expired_trigger_id"
    unknown = client.views_open(trigger_id="1.2.3", view=modal())
    assert (await refusal(unknown))["error"] == "invalid_trigger_id"


async def test_a_bad_view_is_refused_and_the_trigger_stays_good(ann: SandboxUser, client: AsyncWebClient) -> None:
    trigger = await trigger_of(ann)
    answer = await refusal(client.views_open(trigger_id=trigger, view=modal("t" * 25)))
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    await client.views_open(trigger_id=trigger, view=modal())


async def test_modals_stack_three_deep(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    early = client.views_push(trigger_id=await trigger_of(ann), view=modal())
    assert (await refusal(early))["error"] == "not_found"
    first = (await client.views_open(trigger_id=await trigger_of(ann), view=modal()))["view"]
    for _ in range(2):
        top = (await client.views_push(trigger_id=await trigger_of(ann), view=modal()))["view"]
    assert top["root_view_id"] == first["id"]
    fourth = client.views_push(trigger_id=await trigger_of(ann), view=modal())
    assert (await refusal(fourth))["error"] == "push_limit_reached"
    assert len(slack.workspace.modal_stacks[ann.id]) == 3


async def test_an_update_keeps_to_its_hash(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    opened = (await client.views_open(trigger_id=await trigger_of(ann), view=modal(external_id="mine")))["view"]
    new = modal("Changed", external_id="mine")
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=new)
    stale = client.views_update(external_id="mine", hash=opened["hash"], view=modal())
    assert (await refusal(stale))["error"] == "hash_conflict"
    assert (await refusal(client.views_update(view_id="V0", view=modal())))["error"] == "not_found"
    assert slack.workspace.views[opened["id"]].text == "Changed"


async def test_a_home_tab_keeps_to_its_hash(slack: Slack, ann: SandboxUser, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [{"type": "section", "text": plain("one")}]}
    first = (await client.views_publish(user_id=ann.id, view=home))["view"]
    await client.views_publish(user_id=ann.id, view=home, hash=first["hash"])
    stale = client.views_publish(user_id=ann.id, view=home, hash=first["hash"])
    assert (await refusal(stale))["error"] == "hash_conflict"
    assert slack.homes[ann.id].plain_text == "one"
    assert (await refusal(client.views_publish(user_id="U0", view=home)))["error"] == "user_not_found"
    wrong = client.views_publish(user_id=ann.id, view=modal())
    assert (await refusal(wrong))["error"] == "invalid_arguments"


async def test_a_click_in_a_home_tab_carries_the_view_and_no_response_url(
    slack: Slack, ann: SandboxUser, client: AsyncWebClient
) -> None:
    button = {"type": "button", "action_id": "go", "text": plain("Go")}
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}
    await client.views_publish(user_id=ann.id, view=home)
    exchange = await ann.click(slack.homes[ann.id], "go")
    assert (exchange.response_url, bool(exchange.trigger_id)) == ("", True)
    with pytest.raises(AssertionError, match="no control 'stop'"):
        await ann.click(slack.homes[ann.id], "stop")


# --- forms, through a real Bolt app ---

ANSWERS: dict[str, Json] = {
    "bad": {"response_action": "errors", "errors": {"suffix": "Choose another one"}},
    "lost": {"response_action": "errors", "errors": {"nowhere": "?"}},
    "more": {"response_action": "push", "view": modal("More", callback_id="create")},
    "else": {"response_action": "update", "view": modal("Else", callback_id="create")},
    "clear": {"response_action": "clear"},
}
"""What the app answers to a form, by its suffix; it takes any other."""


@pytest.fixture(params=["socket", "http"])
async def submissions(
    request: pytest.FixtureRequest, slack: Slack, client: AsyncWebClient
) -> AsyncIterator[list[Json]]:
    """What a Bolt app was sent; it opens a modal, and answers a submission by its suffix."""
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
        if request.param == "socket":
            handler = AsyncSocketModeHandler(app, slack.app_token)
            await handler.connect_async()  # type: ignore[no-untyped-call]
            stack.push_async_callback(handler.close_async)
            await slack.wait_for_connection()
        else:
            runner = web.AppRunner(app.web_app("/slack/events"), shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        yield received


async def test_a_form_is_filled_in_and_closes(slack: Slack, ann: SandboxUser, submissions: list[Json]) -> None:
    view = await (await ann.shortcut("open")).modal()
    exchange = await ann.submit(view, {"suffix": "mine", "model": "large", "extras": ["b"]})
    assert exchange.acked
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
async def test_a_refused_form_stays_open_with_its_errors(slack: Slack, ann: SandboxUser) -> None:
    view = await (await ann.shortcut("open")).modal()
    await ann.submit(view, {"suffix": "bad", "model": "large"})
    assert (view.closed, view.errors) == (False, {"suffix": "Choose another one"})
    await ann.submit(view, {"suffix": "good", "model": "large"})
    assert (view.closed, view.errors, slack.violations) == (True, {}, [])


@pytest.mark.usefixtures("submissions")
async def test_an_error_for_an_input_that_is_not_there_is_a_complaint(slack: Slack, ann: SandboxUser) -> None:
    view = await (await ann.shortcut("open")).modal()
    await ann.submit(view, {"suffix": "lost", "model": "large"})
    assert slack.violations == ["an error for the input 'nowhere', which is not in the form"]


@pytest.mark.usefixtures("submissions")
async def test_a_submission_may_push_change_and_clear(slack: Slack, ann: SandboxUser) -> None:
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
    ("values", "complaint"),
    [
        ({"suffix": "x"}, "model/model has to be filled in"),
        ({"suffix": "", "model": "large"}, "suffix/suffix has to be filled in"),
        ({"suffix": "x", "model": "huge"}, "no option 'huge'"),
        ({"suffix": "x", "model": "large", "colour": "red"}, "no input .*colour"),
        ({"suffix": "x" * 19, "model": "large"}, "takes 0 to 18 characters"),
    ],
)
async def test_what_slack_would_not_let_through_is_not_sent(
    ann: SandboxUser, values: dict[str, str], complaint: str
) -> None:
    view = await (await ann.shortcut("open")).modal()
    with pytest.raises(AssertionError, match=complaint):
        await ann.submit(view, values)


async def test_closing_is_only_told_where_it_was_asked_for(
    ann: SandboxUser, client: AsyncWebClient, submissions: list[Json]
) -> None:
    view = await (await ann.shortcut("open")).modal()
    assert not (await ann.close(view)).acked
    exchange = await ann.shortcut("anything")
    noisy = modal(callback_id="noisy", notify_on_close=True)
    await client.views_open(trigger_id=exchange.trigger_id, view=noisy)
    assert (await ann.close(await exchange.modal())).acked
    assert [body["type"] for body in submissions] == ["view_closed"]


@pytest.mark.usefixtures("submissions")
async def test_an_external_menu_is_filled_by_the_app(ann: SandboxUser, client: AsyncWebClient) -> None:
    menu = an_input("job", {"type": "external_select", "action_id": "job", "min_query_length": 1})
    exchange = await ann.shortcut("anything")
    await client.views_open(trigger_id=exchange.trigger_id, view=modal(blocks=[menu], callback_id="create"))
    options = await ann.options(await exchange.modal(), "job", "ft")
    assert [each["value"] for each in options] == ["ft-0", "ft-1"]
