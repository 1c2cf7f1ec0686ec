"""User actions of the page, performed in the stand-in Slack through the same ``UserActions`` as in tests."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.demo.environment import DemoEnvironment
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel


async def perform_user_action(demo: DemoEnvironment, user: SandboxUser, body: Mapping[str, Any]) -> str:
    """Perform the action that the page requests; return Slack's error message for the user, "" if there is none.

    Raises:
        LookupError: something that the request names does not exist anymore.
        AssertionError: Slack's own client would not allow it; says why.
    """
    match body.get("action"):
        case "write":
            return await _type_text(demo, user, body)
        case "press":
            surface = _find_surface(demo, user, body["target"])
            return _error_text(await user.click(surface, body["action_id"], value=body.get("value")))
        case "submit":
            return _error_text(await user.submit(_open_form(demo, user), body["values"]))
        case "close":
            return _error_text(await user.close(_top_modal(demo, user)))
        case "home":
            return _error_text(await user.open_home())
        case "shortcut":
            return _error_text(await user.shortcut(body["callback_id"], _message(demo, body)))
        case "invite":
            return _error_text(await demo.slack.invite_bot(_channel(demo, body), inviter=user))
        case "remove":
            return _error_text(await demo.slack.remove_bot(_channel(demo, body)))
        case other:
            raise LookupError(f"nothing is called {other!r}")


async def _type_text(demo: DemoEnvironment, user: SandboxUser, body: Mapping[str, Any]) -> str:
    channel, text = _channel(demo, body), str(body["text"]).strip()
    command, _, arguments = text.partition(" ")
    if not command.startswith("/") and channel.is_im and not demo.slack.workspace.app.accepts_messages:
        return "Sending messages to this app has been turned off."
    if not command.startswith("/"):
        user.post(text, channel, thread_ts=body.get("thread_ts"))
        return ""
    if body.get("thread_ts"):
        return "Slack takes slash commands only outside of threads."
    if command not in demo.slack.workspace.app.commands:
        return f"{command} is not a valid command."
    return _error_text(await user.command(arguments, channel, command=command))


def _error_text(interaction: UserInteraction) -> str:
    match interaction.error:
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


def _find_surface(
    demo: DemoEnvironment, user: SandboxUser, target: Mapping[str, Any]
) -> ChannelMessage | EphemeralMessage | OpenView:
    match target.get("kind"):
        case "home":
            return demo.slack.homes[user.id]
        case "modal":
            return _top_modal(demo, user)
        case "ephemeral":
            found = (each for each in demo.slack.ephemerals if each.ts == target["ts"] and each.user == user.id)
            if ephemeral := next(found, None):
                return ephemeral
            raise LookupError("that message is gone")
        case _:
            return _message(demo, target)


def _message(demo: DemoEnvironment, target: Mapping[str, Any]) -> ChannelMessage:
    message = _channel(demo, target).message(str(target["ts"]))
    if message is None:
        raise LookupError("that message is gone")
    return message


def _channel(demo: DemoEnvironment, target: Mapping[str, Any]) -> Channel:
    return demo.slack.workspace.channels[str(target["channel"])]


def _top_modal(demo: DemoEnvironment, user: SandboxUser) -> OpenView:
    if stack := demo.slack.workspace.modal_stacks.get(user.id):
        return stack[-1]
    raise LookupError("that window is closed: somebody closed or submitted it in another tab")


def _open_form(demo: DemoEnvironment, user: SandboxUser) -> OpenView:
    view = _top_modal(demo, user)
    if not view.body.get("submit"):
        raise LookupError("that form was submitted already, in another tab")
    return view
