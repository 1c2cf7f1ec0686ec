"""User actions: slash commands, clicks, form submissions, shortcuts and posts."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack import payloads
from bot.sandbox.slack.block_kit.validation import check_message
from bot.sandbox.slack.forms import action_value, initial_state, submitted_state
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView, SentReply, interactive_elements
from bot.sandbox.slack.payload_sender import Ack, PayloadSender
from bot.sandbox.slack.response_urls import show_reply
from bot.sandbox.slack.sockets import PayloadKind
from bot.sandbox.slack.web_api.views import close_all_views, close_top_view, push_view, replace_view, validate_view
from bot.sandbox.slack.workspace import RESPONSE_URL_SECONDS, Channel, ResponseUrl, User, WebApiError, Workspace


@dataclass
class UserActions:
    """Delivers the interactions of all users to the app and records them."""

    workspace: Workspace
    payload_sender: PayloadSender
    interactions: list[UserInteraction] = field(default_factory=list)
    """All interactions, in order."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin_interaction(self, user: User) -> UserInteraction:
        """Begin an interaction with a new trigger id."""
        interaction_id = f"interaction-{next(self._numbers)}"
        interaction = UserInteraction(interaction_id, user.id, self.workspace, _first_reply=len(self.workspace.replies))
        interaction.trigger_id = self.workspace.issue_trigger(user.id)
        interaction.at = self.workspace.clock()
        self.interactions.append(interaction)
        return interaction

    def add_response_url(
        self,
        kind: str,
        interaction: UserInteraction,
        channel: str,
        original: ChannelMessage | EphemeralMessage | None = None,
    ) -> ResponseUrl:
        """Issue an interaction's response URL."""
        expires = self.workspace.clock() + RESPONSE_URL_SECONDS
        url = ResponseUrl(interaction.id, channel, interaction.user, expires, original)
        interaction.response_url = self.workspace.issue_response_url(kind, url)
        return url

    async def send(self, interaction: UserInteraction, kind: PayloadKind, payload: dict[str, Any]) -> UserInteraction:
        """Deliver a payload with the interaction's trigger id and response URL."""
        extra = {"trigger_id": interaction.trigger_id}
        if interaction.response_url:
            extra["response_url"] = interaction.response_url
        if kind == "interactive" and not self.workspace.app.is_interactive:
            return self.reject(interaction, "not_interactive", "the app's manifest does not ask for interactivity")
        interaction.delivered = (kind, payload | extra)
        interaction.ack = await self.payload_sender.send(*interaction.delivered)
        self._record_ack_error(kind, interaction.ack)
        return interaction

    def reject(self, interaction: UserInteraction, error: str, why: str) -> UserInteraction:
        """Deliver nothing and record an error of the app, whose manifest does not ask for it."""
        self.workspace.record_error(why)
        interaction.ack = Ack(acked=False, seconds=0.0, error=error)
        return interaction

    def _record_ack_error(self, kind: PayloadKind, ack: Ack) -> None:
        """Record an error if a reachable app rejected a payload or did not acknowledge it in time."""
        if ack.error and (ack.status or ack.error == "operation_timeout"):
            self.workspace.record_error(f"the app did not acknowledge {kind}: {ack.error} {ack.status or ''}".rstrip())

    async def replay(self, interaction: UserInteraction) -> Ack:
        """Deliver an interaction's payload again, as after a lost acknowledgement or in a replay attack."""
        assert interaction.delivered, "nothing was delivered"  # noqa: S101 - reports a mistake of the test
        return await self.payload_sender.send(*interaction.delivered)

    async def send_event(self, user: User, event: dict[str, Any]) -> UserInteraction:
        """Deliver an event if the app subscribed to it."""
        interaction = self.begin_interaction(user)
        if not self.workspace.app.receives_event(event["type"]):
            interaction.ack = Ack(acked=False, seconds=0.0, error="not_subscribed")
            return interaction
        now = self.workspace.clock()
        stamped = event | {"event_ts": self.workspace.ts()}
        payload = payloads.event_callback(stamped, self.workspace.new_id("Ev"), now)
        interaction.delivered = ("events_api", payload)
        interaction.ack = await self.payload_sender.send("events_api", payload)
        self._record_ack_error("events_api", interaction.ack)
        return interaction

    async def redeliver_event(self, interaction: UserInteraction, attempt: int, reason: str) -> UserInteraction:
        """Deliver the same event again, as Slack does if it was not acknowledged."""
        assert interaction.delivered, "nothing was delivered"  # noqa: S101 - reports a mistake of the test
        interaction.ack = await self.payload_sender.send(*interaction.delivered, retry=(attempt, reason))
        return interaction


@dataclass(eq=False)
class SandboxUser(User):
    """A user who can act."""

    user_actions: UserActions = field(kw_only=True, repr=False)

    async def command(self, text: str, channel: Channel, *, command: str = "/ftjob") -> UserInteraction:
        """Send a slash command in a channel and wait for its acknowledgement."""
        workspace, interaction = self.user_actions.workspace, self.user_actions.begin_interaction(self)
        channel.members.setdefault(self.id)
        if command not in workspace.app.commands:
            return self.user_actions.reject(
                interaction, "unknown_command", f"{command} is no command of the app's manifest"
            )
        sent = payloads.escape_text(workspace, text) if workspace.app.commands[command] else text
        url = self.user_actions.add_response_url("commands", interaction, channel.id)
        payload = payloads.slash_command(self, channel, command, sent)
        await self.user_actions.send(interaction, "slash_commands", payload)
        if interaction.acked and interaction.ack_body:
            _show_ack_reply(workspace, url, interaction.ack_body)
        return interaction

    async def click(
        self, message: ChannelMessage | EphemeralMessage | SentReply | OpenView, action_id: str, *, value: Any = None
    ) -> UserInteraction:
        """Use a button (and confirm it), a menu or another element; ``value`` selects among equal buttons or options.

        An option of an overflow menu is found by the first word of its value, too.

        Raises:
            AssertionError: there is no such element.
        """
        surface = _visible_surface(message)
        block_id, element = _find_element(surface, action_id, value)
        interaction = self.user_actions.begin_interaction(self)
        selected = _selected(element, action_id, value)
        action = action_value(element, selected) | {"action_id": element["action_id"], "block_id": block_id}
        action["action_ts"] = self.user_actions.workspace.ts()
        channel = None
        if not isinstance(surface, OpenView):
            channel = self.user_actions.workspace.channels[surface.channel]
            self.user_actions.add_response_url("actions", interaction, channel.id, surface)
        state = initial_state(surface) if isinstance(surface, OpenView) else {}
        payload = payloads.block_action(self, surface, channel, action, state)
        return await self.user_actions.send(interaction, "interactive", payload)

    async def submit(self, view: OpenView, values: Mapping[str, Any]) -> UserInteraction:
        """Fill in and submit the top modal; ``values`` by action_id or block_id, options by their value.

        Raises:
            AssertionError: Slack's client would not allow it.
        """
        assert not view.closed, "the modal is closed"  # noqa: S101 - reports a mistake of the test
        assert view.body["type"] == "modal", "only a modal can be submitted"  # noqa: S101
        interaction = self.user_actions.begin_interaction(self)
        payload = payloads.view_submission(self, view, submitted_state(view, values))
        await self.user_actions.send(interaction, "interactive", payload)
        if interaction.acked:
            _apply_response_action(self.user_actions.workspace, view, interaction.ack_body)
        return interaction

    async def close(self, view: OpenView) -> UserInteraction:
        """Close the top modal without submitting."""
        interaction = self.user_actions.begin_interaction(self)
        close_top_view(self.user_actions.workspace, self.id)
        if view.body.get("notify_on_close"):
            payload = payloads.view_closed(self, view, is_cleared=False)
            interaction.ack = await self.user_actions.payload_sender.send("interactive", payload)
        return interaction

    async def open_home(self) -> UserInteraction:
        """Open the app's Home tab."""
        workspace = self.user_actions.workspace
        event = {"type": "app_home_opened", "user": self.id, "tab": "home"}
        event["channel"] = workspace.direct_message(self.id).id
        return await self.user_actions.send_event(self, event)

    async def shortcut(self, callback_id: str, message: ChannelMessage | None = None) -> UserInteraction:
        """Use a message shortcut if a message is given, else a global one."""
        workspace, interaction = self.user_actions.workspace, self.user_actions.begin_interaction(self)
        kind = "global" if message is None else "message"
        if not workspace.app.has_shortcut(callback_id, kind):
            why = f"no {kind} shortcut of the app's manifest has the callback_id {callback_id!r}"
            return self.user_actions.reject(interaction, "unknown_shortcut", why)
        if message is None:
            payload = payloads.global_shortcut(self, callback_id, workspace.ts())
        else:
            channel = workspace.channels[message.channel]
            self.user_actions.add_response_url("app", interaction, channel.id, None)
            payload = payloads.message_action(self, message, channel, callback_id)
        return await self.user_actions.send(interaction, "interactive", payload)

    async def options(
        self, message: ChannelMessage | EphemeralMessage | SentReply | OpenView, action_id: str, text: str
    ) -> list[dict[str, Any]]:
        """Type into an external select and return the app's options."""
        surface = _visible_surface(message)
        block_id, element = _find_element(surface, action_id, None)
        payload = payloads.block_suggestion(self, surface, element, block_id, text)
        ack = await self.user_actions.payload_sender.send("interactive", payload)
        body = ack.body or {}
        groups = [group["options"] for group in body.get("option_groups", [])]
        return [*body.get("options", []), *itertools.chain(*groups)]

    def post(self, text: str, channel: Channel, *, thread_ts: str | None = None) -> ChannelMessage:
        """Post a message as this user."""
        channel.members.setdefault(self.id)
        workspace = self.user_actions.workspace
        return workspace.add_message(ChannelMessage(workspace.ts(), channel.id, self.id, text, thread_ts=thread_ts))


def _visible_surface(
    message: ChannelMessage | EphemeralMessage | SentReply | OpenView,
) -> ChannelMessage | EphemeralMessage | OpenView:
    surface = message.displayed if isinstance(message, SentReply) else message
    if surface is None or getattr(surface, "deleted", False) or getattr(surface, "closed", False):
        raise AssertionError(f"nobody sees it any more: {message.plain_text!r}")
    return surface


def _find_element(
    surface: ChannelMessage | EphemeralMessage | OpenView, action_id: str, value: Any
) -> tuple[str, dict[str, Any]]:
    elements = list(interactive_elements(surface.blocks))
    for block_id, element in elements:
        is_other = element["type"] == "button" and value is not None and element.get("value") != value
        if element["action_id"] == action_id and not is_other:
            return block_id, element
    for block_id, element in elements:
        if _option_starting_with(element, action_id):
            return block_id, element
    names = [(element["action_id"], element.get("value")) for _, element in elements]
    raise AssertionError(f"no control {action_id!r} ({value!r}) in {surface.plain_text!r}; there are {names}")


def _option_starting_with(element: dict[str, Any], name: str) -> str | None:
    """Return the value of the option of an overflow menu that begins with this word, None if there is none."""
    options = element.get("options", []) if element["type"] == "overflow" else []
    return next((option["value"] for option in options if option["value"].split(" ", 1)[0] == name), None)


def _selected(element: dict[str, Any], action_id: str, value: Any) -> Any:
    if element["type"] == "button":
        return element.get("value")
    return value if element["action_id"] == action_id else _option_starting_with(element, action_id)


def _show_ack_reply(workspace: Workspace, url: ResponseUrl, body: Any) -> None:
    """Show the reply in a command's acknowledgement."""
    payload = {"text": body} if isinstance(body, str) else dict(body)
    result = check_message(payload, user_ids=workspace.users, counts_text=False)
    workspace.violations.extend(result.violations)
    if result.error:
        workspace.violations.append(f"{result.error} in an acknowledgement: {result.messages}")
    else:
        show_reply(workspace, url, payload)


def _apply_response_action(workspace: Workspace, view: OpenView, body: Any) -> None:
    """Apply the response_action in the acknowledgement of a submission."""
    view.errors = {}
    try:
        match body:
            case {"response_action": "errors", "errors": dict(errors)}:
                view.errors = errors
                _check_errors(workspace, view, errors)
            case {"response_action": "update", "view": dict(new)}:
                replace_view(workspace, view, validate_view(workspace, new, "modal"))
            case {"response_action": "push", "view": dict(new)}:
                push_view(workspace, view.user, validate_view(workspace, new, "modal"))
            case {"response_action": "clear"}:
                close_all_views(workspace, view.user)
            case None | "" | {}:
                close_top_view(workspace, view.user)
            case _:
                workspace.violations.append(f"unknown answer to a submission: {body!r}")
    except WebApiError as error:
        workspace.violations.append(f"the answer to a submission holds a bad view: {error.details}")


def _check_errors(workspace: Workspace, view: OpenView, errors: dict[str, str]) -> None:
    inputs = {block_id for block_id, _ in interactive_elements(view.blocks)}
    for block_id in errors.keys() - inputs:
        workspace.violations.append(f"an error for the input {block_id!r}, which is not in the form")
