"""What people do: type commands, click, fill in forms; and what comes back to them."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack import payloads
from bot.sandbox.slack.blockkit import check_message
from bot.sandbox.slack.delivery import Ack, PayloadKind, PayloadSender
from bot.sandbox.slack.exchange import UserInteraction
from bot.sandbox.slack.forms import action_value, initial_state, submitted_state
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView, SentReply, interactive_elements
from bot.sandbox.slack.response_urls import show_reply
from bot.sandbox.slack.web_api.views import close_all_views, close_top_view, push_view, replace_view, validate_view
from bot.sandbox.slack.workspace import RESPONSE_URL_SECONDS, Channel, ResponseUrl, User, WebApiError, Workspace


@dataclass
class UserActions:
    """What people share to act with."""

    workspace: Workspace
    request_log: RequestLog
    payload_sender: PayloadSender
    interactions: list[UserInteraction] = field(default_factory=list)
    """All that was begun, in order."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin_interaction(self, person: User) -> UserInteraction:
        """Begin an exchange, with a trigger id."""
        name = f"exchange-{next(self._numbers)}"
        exchange = UserInteraction(
            name, person.id, self.workspace, self.request_log, _since=len(self.workspace.replies)
        )
        exchange.trigger_id = self.workspace.issue_trigger(person.id)
        exchange.at = self.workspace.clock()
        self.interactions.append(exchange)
        return exchange

    def add_response_url(
        self,
        kind: str,
        exchange: UserInteraction,
        channel: str,
        original: ChannelMessage | EphemeralMessage | None = None,
    ) -> ResponseUrl:
        """Give an exchange its response URL."""
        expires = self.workspace.clock() + RESPONSE_URL_SECONDS
        url = ResponseUrl(exchange.id, channel, exchange.user, expires, original)
        exchange.response_url = self.workspace.issue_response_url(kind, url)
        return url

    async def send(self, exchange: UserInteraction, kind: PayloadKind, payload: dict[str, Any]) -> UserInteraction:
        """Deliver a payload with what its exchange adds to it."""
        extra = {"trigger_id": exchange.trigger_id}
        if exchange.response_url:
            extra["response_url"] = exchange.response_url
        if kind == "interactive" and not self.workspace.app.is_interactive:
            return self.reject(exchange, "not_interactive", "the app's manifest does not ask for interactivity")
        exchange.delivered = (kind, payload | extra)
        exchange.ack = await self.payload_sender.send(*exchange.delivered)
        self._mind(kind, exchange.ack)
        return exchange

    def reject(self, exchange: UserInteraction, error: str, why: str) -> UserInteraction:
        """Deliver nothing, for the app did not ask for it; its error is counted."""
        self.workspace.record_error(why)
        exchange.ack = Ack(acked=False, seconds=0.0, error=error)
        return exchange

    def _mind(self, kind: PayloadKind, ack: Ack) -> None:
        """Count an error where an app that is there refused a delivery, or let it lie."""
        if ack.error and (ack.status or ack.error == "operation_timeout"):
            self.workspace.record_error(f"the app did not acknowledge {kind}: {ack.error} {ack.status or ''}".rstrip())

    async def replay(self, exchange: UserInteraction) -> Ack:
        """Deliver once more what a person did once, as after a lost acknowledgement, or from somebody's recording."""
        assert exchange.delivered, "nothing was delivered"  # noqa: S101 - how a test is told
        return await self.payload_sender.send(*exchange.delivered)

    async def send_event(self, person: User, event: dict[str, Any]) -> UserInteraction:
        """Deliver an event, if the app subscribed to it."""
        exchange = self.begin_interaction(person)
        if not self.workspace.app.receives_event(event["type"]):
            exchange.ack = Ack(acked=False, seconds=0.0, error="not_subscribed")
            return exchange
        now = self.workspace.clock()
        stamped = event | {"event_ts": self.workspace.ts()}
        exchange.event = payloads.event_callback(stamped, self.workspace.new_id("Ev"), now)
        exchange.ack = await self.payload_sender.send("events_api", exchange.event)
        self._mind("events_api", exchange.ack)
        return exchange

    async def redeliver_event(self, exchange: UserInteraction, attempt: int, reason: str) -> UserInteraction:
        """Deliver the same event once more, as Slack does where it heard nothing."""
        exchange.ack = await self.payload_sender.send("events_api", exchange.event, retry=(attempt, reason))
        return exchange


@dataclass(eq=False)
class SandboxUser(User):
    """Somebody who can act."""

    user_actions: UserActions = field(kw_only=True, repr=False)

    async def command(self, text: str, channel: Channel, *, command: str = "/ftjob") -> UserInteraction:
        """Type a slash command in a channel and wait for its acknowledgement."""
        workspace, exchange = self.user_actions.workspace, self.user_actions.begin_interaction(self)
        channel.members.setdefault(self.id)
        if command not in workspace.app.commands:
            return self.user_actions.reject(
                exchange, "unknown_command", f"{command} is no command of the app's manifest"
            )
        sent = payloads.escape_text(workspace, text) if workspace.app.commands[command] else text
        url = self.user_actions.add_response_url("commands", exchange, channel.id)
        payload = payloads.slash_command(self, channel, command, sent)
        await self.user_actions.send(exchange, "slash_commands", payload)
        if exchange.acked and exchange.ack_body:
            _show_ack(workspace, url, exchange.ack_body)
        return exchange

    async def click(
        self, message: ChannelMessage | EphemeralMessage | SentReply | OpenView, action_id: str, *, value: Any = None
    ) -> UserInteraction:
        """Use a button (confirming it), a menu or another control; ``value`` chooses among equals or options.

        Raises:
            AssertionError: it is not there.
        """
        where = _shown(message)
        block_id, element = _control(where, action_id, value)
        exchange = self.user_actions.begin_interaction(self)
        pressed = element.get("value") if element["type"] == "button" else value
        action = action_value(element, pressed) | {"action_id": action_id, "block_id": block_id}
        action["action_ts"] = self.user_actions.workspace.ts()
        channel = None
        if not isinstance(where, OpenView):
            channel = self.user_actions.workspace.channels[where.channel]
            self.user_actions.add_response_url("actions", exchange, channel.id, where)
        state = initial_state(where) if isinstance(where, OpenView) else {}
        payload = payloads.block_action(self, where, channel, action, state)
        return await self.user_actions.send(exchange, "interactive", payload)

    async def submit(self, view: OpenView, values: Mapping[str, Any]) -> UserInteraction:
        """Fill in and submit the modal on top; ``values`` by action_id or block_id, options by their value.

        Raises:
            AssertionError: Slack would not let the person.
        """
        assert not view.closed, "the modal is closed"  # noqa: S101 - how a test is told
        assert view.body["type"] == "modal", "only a modal can be submitted"  # noqa: S101
        exchange = self.user_actions.begin_interaction(self)
        payload = payloads.view_submission(self, view, submitted_state(view, values))
        await self.user_actions.send(exchange, "interactive", payload)
        if exchange.acked:
            _follow(self.user_actions.workspace, view, exchange.ack_body)
        return exchange

    async def close(self, view: OpenView) -> UserInteraction:
        """Close the modal on top without submitting."""
        exchange = self.user_actions.begin_interaction(self)
        close_top_view(self.user_actions.workspace, self.id)
        if view.body.get("notify_on_close"):
            payload = payloads.view_closed(self, view, is_cleared=False)
            exchange.ack = await self.user_actions.payload_sender.send("interactive", payload)
        return exchange

    async def open_home(self) -> UserInteraction:
        """Look at the app's Home tab."""
        workspace = self.user_actions.workspace
        event = {"type": "app_home_opened", "user": self.id, "tab": "home"}
        event["channel"] = workspace.direct_message(self.id).id
        return await self.user_actions.send_event(self, event)

    async def shortcut(self, callback_id: str, message: ChannelMessage | None = None) -> UserInteraction:
        """Use a shortcut: on a message where one is given, else from the search bar."""
        workspace, exchange = self.user_actions.workspace, self.user_actions.begin_interaction(self)
        kind = "global" if message is None else "message"
        if not workspace.app.has_shortcut(callback_id, kind):
            why = f"no {kind} shortcut of the app's manifest has the callback_id {callback_id!r}"
            return self.user_actions.reject(exchange, "unknown_shortcut", why)
        if message is None:
            payload = payloads.global_shortcut(self, callback_id, workspace.ts())
        else:
            channel = workspace.channels[message.channel]
            self.user_actions.add_response_url("app", exchange, channel.id, None)
            payload = payloads.message_action(self, message, channel, callback_id)
        return await self.user_actions.send(exchange, "interactive", payload)

    async def options(
        self, where: ChannelMessage | EphemeralMessage | SentReply | OpenView, action_id: str, text: str
    ) -> list[dict[str, Any]]:
        """Type into an external select and return the options that the app offers."""
        shown = _shown(where)
        block_id, element = _control(shown, action_id, None)
        payload = payloads.block_suggestion(self, shown, element, block_id, text)
        ack = await self.user_actions.payload_sender.send("interactive", payload)
        body = ack.body or {}
        groups = [group["options"] for group in body.get("option_groups", [])]
        return [*body.get("options", []), *itertools.chain(*groups)]

    def post(self, text: str, channel: Channel, *, thread_ts: str | None = None) -> ChannelMessage:
        """Write a message of one's own."""
        channel.members.setdefault(self.id)
        workspace = self.user_actions.workspace
        return workspace.add_message(ChannelMessage(workspace.ts(), channel.id, self.id, text, thread_ts=thread_ts))


def _shown(
    message: ChannelMessage | EphemeralMessage | SentReply | OpenView,
) -> ChannelMessage | EphemeralMessage | OpenView:
    where = message.displayed if isinstance(message, SentReply) else message
    if where is None or getattr(where, "deleted", False) or getattr(where, "closed", False):
        raise AssertionError(f"nobody sees it any more: {message.plain_text!r}")
    return where


def _control(
    where: ChannelMessage | EphemeralMessage | OpenView, action_id: str, value: Any
) -> tuple[str, dict[str, Any]]:
    there = list(interactive_elements(where.blocks))
    for block_id, element in there:
        is_other = element["type"] == "button" and value is not None and element.get("value") != value
        if element["action_id"] == action_id and not is_other:
            return block_id, element
    names = [(element["action_id"], element.get("value")) for _, element in there]
    raise AssertionError(f"no control {action_id!r} ({value!r}) in {where.plain_text!r}; there are {names}")


def _show_ack(workspace: Workspace, url: ResponseUrl, body: Any) -> None:
    """Show the answer that came with a command's acknowledgement."""
    payload = {"text": body} if isinstance(body, str) else dict(body)
    verdict = check_message(payload, user_ids=workspace.users, counts_text=False)
    workspace.violations.extend(verdict.violations)
    if verdict.error:
        workspace.violations.append(f"{verdict.error} in an acknowledgement: {verdict.messages}")
    else:
        show_reply(workspace, url, payload)


def _follow(workspace: Workspace, view: OpenView, body: Any) -> None:
    """Do what the acknowledgement of a submission says."""
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
    except WebApiError as refusal:
        workspace.violations.append(f"the answer to a submission holds a bad view: {refusal.details}")


def _check_errors(workspace: Workspace, view: OpenView, errors: dict[str, str]) -> None:
    inputs = {block_id for block_id, _ in interactive_elements(view.blocks)}
    for block_id in errors.keys() - inputs:
        workspace.violations.append(f"an error for the input {block_id!r}, which is not in the form")
