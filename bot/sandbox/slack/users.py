"""What people do: type commands, click, fill in forms; and what comes back to them."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.request_log import Ledger
from bot.sandbox.slack import payloads
from bot.sandbox.slack.blockkit import check_message
from bot.sandbox.slack.delivery import Ack, Delivery, Kind
from bot.sandbox.slack.exchange import Exchange
from bot.sandbox.slack.forms import chosen, filled_in, untouched
from bot.sandbox.slack.messages import Ephemeral, Message, Reply, View, controls
from bot.sandbox.slack.response_urls import reply as show_reply
from bot.sandbox.slack.web_api.views import checked, close_all, close_top, push_view, replace
from bot.sandbox.slack.workspace import RESPONSE_URL_SECONDS, Channel, Member, Refusal, ResponseUrl, Workspace


@dataclass
class Hands:
    """What people share to act with."""

    workspace: Workspace
    ledger: Ledger
    delivery: Delivery
    exchanges: list[Exchange] = field(default_factory=list)
    """All that was begun, in order."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self, person: Member) -> Exchange:
        """Begin an exchange, with a trigger id."""
        name = f"exchange-{next(self._numbers)}"
        exchange = Exchange(name, person.id, self.workspace, self.ledger, _since=len(self.workspace.replies))
        exchange.trigger_id = self.workspace.hand_out_trigger(person.id)
        exchange.at = self.workspace.clock()
        self.exchanges.append(exchange)
        return exchange

    def answerable(
        self, kind: str, exchange: Exchange, channel: str, original: Message | Ephemeral | None = None
    ) -> ResponseUrl:
        """Give an exchange its response URL."""
        expires = self.workspace.clock() + RESPONSE_URL_SECONDS
        url = ResponseUrl(exchange.id, channel, exchange.user, expires, original)
        exchange.response_url = self.workspace.hand_out_response_url(kind, url)
        return url

    async def send(self, exchange: Exchange, kind: Kind, payload: dict[str, Any]) -> Exchange:
        """Deliver a payload with what its exchange adds to it."""
        extra = {"trigger_id": exchange.trigger_id}
        if exchange.response_url:
            extra["response_url"] = exchange.response_url
        if kind == "interactive" and not self.workspace.installed.is_interactive:
            return self.refuse(exchange, "not_interactive", "the app's manifest does not ask for interactivity")
        exchange.sent = (kind, payload | extra)
        exchange.ack = await self.delivery.send(*exchange.sent)
        self._mind(kind, exchange.ack)
        return exchange

    def refuse(self, exchange: Exchange, error: str, why: str) -> Exchange:
        """Deliver nothing, for the app did not ask for it; its error is counted."""
        self.workspace.blame(why)
        exchange.ack = Ack(acked=False, seconds=0.0, error=error)
        return exchange

    def _mind(self, kind: Kind, ack: Ack) -> None:
        """Count an error where an app that is there refused a delivery, or let it lie."""
        if ack.error and (ack.status or ack.error == "operation_timeout"):
            self.workspace.blame(f"the app did not acknowledge {kind}: {ack.error} {ack.status or ''}".rstrip())

    async def repeat(self, exchange: Exchange) -> Ack:
        """Deliver once more what a person did once, as after a lost acknowledgement, or from somebody's recording."""
        assert exchange.sent, "nothing was delivered"  # noqa: S101 - how a test is told
        return await self.delivery.send(*exchange.sent)

    async def event(self, person: Member, event: dict[str, Any]) -> Exchange:
        """Deliver an event, if the app subscribed to it."""
        exchange = self.begin(person)
        if not self.workspace.installed.hears(event["type"]):
            exchange.ack = Ack(acked=False, seconds=0.0, error="not_subscribed")
            return exchange
        now = self.workspace.clock()
        stamped = event | {"event_ts": self.workspace.ts()}
        exchange.event = payloads.event_callback(stamped, self.workspace.number("Ev"), now)
        exchange.ack = await self.delivery.send("events_api", exchange.event)
        self._mind("events_api", exchange.ack)
        return exchange

    async def again(self, exchange: Exchange, attempt: int, reason: str) -> Exchange:
        """Deliver the same event once more, as Slack does where it heard nothing."""
        exchange.ack = await self.delivery.send("events_api", exchange.event, retry=(attempt, reason))
        return exchange


@dataclass(eq=False)
class Person(Member):
    """Somebody who can act."""

    hands: Hands = field(kw_only=True, repr=False)

    async def command(self, text: str, channel: Channel, *, command: str = "/ftjob") -> Exchange:
        """Type a slash command in a channel and wait for its acknowledgement."""
        workspace, exchange = self.hands.workspace, self.hands.begin(self)
        channel.members.setdefault(self.id)
        if command not in workspace.installed.commands:
            return self.hands.refuse(exchange, "unknown_command", f"{command} is no command of the app's manifest")
        sent = payloads.escaped(workspace, text) if workspace.installed.commands[command] else text
        url = self.hands.answerable("commands", exchange, channel.id)
        payload = payloads.slash_command(self, channel, command, sent)
        await self.hands.send(exchange, "slash_commands", payload)
        if exchange.acked and exchange.ack_body:
            _show_ack(workspace, url, exchange.ack_body)
        return exchange

    async def click(
        self, message: Message | Ephemeral | Reply | View, action_id: str, *, value: Any = None
    ) -> Exchange:
        """Use a button (confirming it), a menu or another control; ``value`` chooses among equals or options.

        Raises:
            AssertionError: it is not there.
        """
        where = _shown(message)
        block_id, element = _control(where, action_id, value)
        exchange = self.hands.begin(self)
        pressed = element.get("value") if element["type"] == "button" else value
        action = chosen(element, pressed) | {"action_id": action_id, "block_id": block_id}
        action["action_ts"] = self.hands.workspace.ts()
        channel = None
        if not isinstance(where, View):
            channel = self.hands.workspace.channels[where.channel]
            self.hands.answerable("actions", exchange, channel.id, where)
        state = untouched(where) if isinstance(where, View) else {}
        payload = payloads.block_action(self, where, channel, action, state)
        return await self.hands.send(exchange, "interactive", payload)

    async def submit(self, view: View, values: Mapping[str, Any]) -> Exchange:
        """Fill in and submit the modal on top; ``values`` by action_id or block_id, options by their value.

        Raises:
            AssertionError: Slack would not let the person.
        """
        assert not view.closed, "the modal is closed"  # noqa: S101 - how a test is told
        assert view.body["type"] == "modal", "only a modal can be submitted"  # noqa: S101
        exchange = self.hands.begin(self)
        payload = payloads.view_submission(self, view, filled_in(view, values))
        await self.hands.send(exchange, "interactive", payload)
        if exchange.acked:
            _follow(self.hands.workspace, view, exchange.ack_body)
        return exchange

    async def close(self, view: View) -> Exchange:
        """Close the modal on top without submitting."""
        exchange = self.hands.begin(self)
        close_top(self.hands.workspace, self.id)
        if view.body.get("notify_on_close"):
            payload = payloads.view_closed(self, view, is_cleared=False)
            exchange.ack = await self.hands.delivery.send("interactive", payload)
        return exchange

    async def open_home(self) -> Exchange:
        """Look at the app's Home tab."""
        workspace = self.hands.workspace
        event = {"type": "app_home_opened", "user": self.id, "tab": "home"}
        event["channel"] = workspace.direct_message(self.id).id
        return await self.hands.event(self, event)

    async def shortcut(self, callback_id: str, message: Message | None = None) -> Exchange:
        """Use a shortcut: on a message where one is given, else from the search bar."""
        workspace, exchange = self.hands.workspace, self.hands.begin(self)
        kind = "global" if message is None else "message"
        if not workspace.installed.offers(callback_id, kind):
            why = f"no {kind} shortcut of the app's manifest has the callback_id {callback_id!r}"
            return self.hands.refuse(exchange, "unknown_shortcut", why)
        if message is None:
            payload = payloads.global_shortcut(self, callback_id, workspace.ts())
        else:
            channel = workspace.channels[message.channel]
            self.hands.answerable("app", exchange, channel.id, None)
            payload = payloads.message_action(self, message, channel, callback_id)
        return await self.hands.send(exchange, "interactive", payload)

    async def options(
        self, where: Message | Ephemeral | Reply | View, action_id: str, text: str
    ) -> list[dict[str, Any]]:
        """Type into an external select and return the options that the app offers."""
        shown = _shown(where)
        block_id, element = _control(shown, action_id, None)
        payload = payloads.block_suggestion(self, shown, element, block_id, text)
        ack = await self.hands.delivery.send("interactive", payload)
        body = ack.body or {}
        groups = [group["options"] for group in body.get("option_groups", [])]
        return [*body.get("options", []), *itertools.chain(*groups)]

    def say(self, text: str, channel: Channel, *, thread_ts: str | None = None) -> Message:
        """Write a message of one's own."""
        channel.members.setdefault(self.id)
        workspace = self.hands.workspace
        return workspace.add_message(Message(workspace.ts(), channel.id, self.id, text, thread_ts=thread_ts))


def _shown(message: Message | Ephemeral | Reply | View) -> Message | Ephemeral | View:
    where = message.shown if isinstance(message, Reply) else message
    if where is None or getattr(where, "deleted", False) or getattr(where, "closed", False):
        raise AssertionError(f"nobody sees it any more: {message.plain!r}")
    return where


def _control(where: Message | Ephemeral | View, action_id: str, value: Any) -> tuple[str, dict[str, Any]]:
    there = list(controls(where.blocks))
    for block_id, element in there:
        is_other = element["type"] == "button" and value is not None and element.get("value") != value
        if element["action_id"] == action_id and not is_other:
            return block_id, element
    names = [(element["action_id"], element.get("value")) for _, element in there]
    raise AssertionError(f"no control {action_id!r} ({value!r}) in {where.plain!r}; there are {names}")


def _show_ack(workspace: Workspace, url: ResponseUrl, body: Any) -> None:
    """Show the answer that came with a command's acknowledgement."""
    payload = {"text": body} if isinstance(body, str) else dict(body)
    verdict = check_message(payload, people=workspace.people, counts_text=False)
    workspace.complaints.extend(verdict.complaints)
    if verdict.error:
        workspace.complaints.append(f"{verdict.error} in an acknowledgement: {verdict.messages}")
    else:
        show_reply(workspace, url, payload)


def _follow(workspace: Workspace, view: View, body: Any) -> None:
    """Do what the acknowledgement of a submission says."""
    view.errors = {}
    try:
        match body:
            case {"response_action": "errors", "errors": dict(errors)}:
                view.errors = errors
                _check_errors(workspace, view, errors)
            case {"response_action": "update", "view": dict(new)}:
                replace(workspace, view, checked(workspace, new, "modal"))
            case {"response_action": "push", "view": dict(new)}:
                push_view(workspace, view.user, checked(workspace, new, "modal"))
            case {"response_action": "clear"}:
                close_all(workspace, view.user)
            case None | "" | {}:
                close_top(workspace, view.user)
            case _:
                workspace.complaints.append(f"unknown answer to a submission: {body!r}")
    except Refusal as refusal:
        workspace.complaints.append(f"the answer to a submission holds a bad view: {refusal.more}")


def _check_errors(workspace: Workspace, view: View, errors: dict[str, str]) -> None:
    inputs = {block_id for block_id, _ in controls(view.blocks)}
    for block_id in errors.keys() - inputs:
        workspace.complaints.append(f"an error for the input {block_id!r}, which is not in the form")
