"""What a person does on the page, carried out in the stand-in Slack by the same hands as in the tests."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.slack.exchange import UserInteraction
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel


async def perform_user_action(stage: DemoEnvironment, person: SandboxUser, asked: Mapping[str, Any]) -> str:
    """Do what the page asks for; return what Slack tells the person about it, "" where it says nothing.

    Raises:
        LookupError: something that it names is not there any more.
        AssertionError: Slack's own page would not let anybody do that; says why.
    """
    match asked.get("do"):
        case "write":
            return await _write(stage, person, asked)
        case "press":
            where = _where(stage, person, asked["where"])
            return _said(await person.click(where, asked["action_id"], value=asked.get("value")))
        case "submit":
            return _said(await person.submit(_form(stage, person), asked["values"]))
        case "close":
            return _said(await person.close(_modal(stage, person)))
        case "home":
            return _said(await person.open_home())
        case "shortcut":
            return _said(await person.shortcut(asked["callback_id"], _message(stage, asked)))
        case "invite":
            return _said(await stage.slack.invite_bot(_channel(stage, asked), inviter=person))
        case "remove":
            return _said(await stage.slack.remove_bot(_channel(stage, asked)))
        case other:
            raise LookupError(f"nothing is called {other!r}")


async def _write(stage: DemoEnvironment, person: SandboxUser, asked: Mapping[str, Any]) -> str:
    channel, text = _channel(stage, asked), str(asked["text"]).strip()
    command, _, rest = text.partition(" ")
    if not command.startswith("/") and channel.is_im and not stage.slack.workspace.app.accepts_messages:
        return "Sending messages to this app has been turned off."
    if not command.startswith("/"):
        person.post(text, channel, thread_ts=asked.get("thread"))
        return ""
    if asked.get("thread"):
        return "Slack takes slash commands only outside of threads."
    if command not in stage.slack.workspace.app.commands:
        return f"{command} is not a valid command."
    return _said(await person.command(rest, channel, command=command))


def _said(exchange: UserInteraction) -> str:
    match exchange.error:
        case "operation_timeout":
            return "/ftjob failed with the error “operation_timeout”: the app did not answer within 3 seconds."
        case "dispatch_failed":
            return "/ftjob failed with the error “dispatch_failed”: the app could not be reached."
        case "unknown_shortcut":
            return "This app has no such shortcut."
        case "not_subscribed":
            return ""
        case error:
            return error


def _where(
    stage: DemoEnvironment, person: SandboxUser, where: Mapping[str, Any]
) -> ChannelMessage | EphemeralMessage | OpenView:
    match where.get("kind"):
        case "home":
            return stage.slack.homes[person.id]
        case "modal":
            return _modal(stage, person)
        case "ephemeral":
            found = (each for each in stage.slack.ephemerals if each.ts == where["ts"] and each.user == person.id)
            if ephemeral := next(found, None):
                return ephemeral
            raise LookupError("that message is gone")
        case _:
            return _message(stage, where)


def _message(stage: DemoEnvironment, where: Mapping[str, Any]) -> ChannelMessage:
    message = _channel(stage, where).message(str(where["ts"]))
    if message is None:
        raise LookupError("that message is gone")
    return message


def _channel(stage: DemoEnvironment, where: Mapping[str, Any]) -> Channel:
    return stage.slack.workspace.channels[str(where["channel"])]


def _modal(stage: DemoEnvironment, person: SandboxUser) -> OpenView:
    if stack := stage.slack.workspace.modal_stacks.get(person.id):
        return stack[-1]
    raise LookupError("that window is closed: somebody closed or submitted it in another tab")


def _form(stage: DemoEnvironment, person: SandboxUser) -> OpenView:
    view = _modal(stage, person)
    if not view.body.get("submit"):
        raise LookupError("that form was submitted already, in another tab")
    return view
