"""User commands as Slack delivered them, and those that took effect according to the bot's visible replies."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from bot.sandbox.demo.oracle.channel_posts import ChannelPosts
from bot.sandbox.slack.interactions import PLACEHOLDER_REPLY, UserInteraction
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from bot.sandbox.slack.workspace import Channel

WARNING_PREFIX = ":warning:"
"""Prefix of the bot's replies about a failure."""
USAGE_REPLY = "Usage: "
"""Part of the bot's reply to a command that it could not parse."""
UNDO_TRACK = "take back"
"""Verb of a failed track: a card that was posted anyway does not count."""
_VERBS = {"watch": "track", "unwatch": "untrack", "rm": "untrack"}
_UNSUBSCRIBE_BUTTON = "ftjob_unsubscribe"
_SETTING_BUTTON = "ftjob_setting"
"""Action id of a button that changes a setting; its value is what would be typed after `settings`."""
_BUTTONS = {
    "ftjob_track": "track",
    "ftjob_untrack": "untrack",
    _UNSUBSCRIBE_BUTTON: "unsubscribe",
    "ftjob_unmute": "unmute",
}
_CARD_MENU = "ftjob_menu"
"""Action id of a card's menu; the value of an option is the action id of a button and its value."""
_TRACK_SHORTCUT = "ftjob_track_from_message"
_STOP_VERBS = frozenset({"untrack", "unsubscribe", "mute", "unmute", "settings"})
_ANNOUNCED = {"subscribe": "subscribe", _SETTING_BUTTON: "settings"}
"""What announces its effect in the channel, and the verb that it amounts to."""
_CHANNEL = re.compile(r"<#(\w+)(?:\|[^>]*)?>", re.ASCII)
_JOB = re.compile(r"\bftjob-[A-Za-z0-9]+", re.ASCII)
_BOLD = re.compile(r"\*([^*\n]+)\*")
"""The name of a job in a reply."""
_LOOKALIKES = frozenset("\u02cb\u02cd")
"""Letters that stand for a backtick and an underscore in a name."""
_STRAIGHT_QUOTES = str.maketrans("\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a", '"' * 5 + "'" * 3)
_QUOTED = re.compile(r"(?P<key>[\w.-]+=)(?P<quote>[\"'`])(?P<value>[\w .@-]+)(?P=quote)(?=[\s,.;:!?]|$)")
"""A pair with an unambiguously quoted value; others are not parsed."""
_SPACE_PLACEHOLDER = "\0"
"""Replaces a space within a value."""
_SURROUNDING_PUNCTUATION = "\"'`\u201c\u201d\u2018\u2019.,;:!?()<>"


@dataclass(frozen=True)
class UserCommand:
    """A command that a user typed or a button that they pressed."""

    interaction_id: str
    at: float
    user: str
    channel: str
    verb: str
    words: tuple[str, ...] = ()
    """The words after the verb, without surrounding quotes and punctuation."""

    @property
    def jobs(self) -> frozenset[str]:
        """Ids of the jobs that it names."""
        return frozenset(found[0] for word in self.words if (found := _JOB.search(word)))


def user_commands(interactions: Iterable[UserInteraction]) -> Iterator[UserCommand]:
    """Yield the commands that were delivered to the bot and acknowledged, in order."""
    for interaction in interactions:
        if interaction.delivered is None or not interaction.acked:
            continue
        kind, payload = interaction.delivered
        parsed = (
            _parse_slash_command(payload)
            if kind == "slash_commands"
            else _parse_interaction(payload)
            if kind == "interactive"
            else None
        )
        if parsed:
            channel, verb, words = parsed
            yield UserCommand(interaction.id, interaction.at, interaction.user, channel, verb, words)


def _parse_slash_command(payload: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]] | None:
    text = _QUOTED.sub(_as_one_word, str(payload["text"]).translate(_STRAIGHT_QUOTES))
    raw = [word for each in text.split() for word in (each.split(",") if "=" not in each else [each])]
    channels = [found[1] for word in raw if (found := _CHANNEL.search(word))]
    words = [word.replace(_SPACE_PLACEHOLDER, " ") for each in raw if (word := each.strip(_SURROUNDING_PUNCTUATION))]
    verb = _VERBS.get(words[0].casefold(), words[0].casefold()) if words else "help"
    channel = str(payload["channel_id"])
    return (channels[-1] if verb == "track" and channels else channel), verb, tuple(words[1:])


def _as_one_word(match: re.Match[str]) -> str:
    """Return a key=value pair without the quotes of its value."""
    return match["key"] + match["value"].replace(" ", _SPACE_PLACEHOLDER)


def _parse_interaction(payload: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]] | None:
    channel = (payload.get("channel") or {}).get("id")
    match payload:
        case {"type": "block_actions", "actions": [{"action_id": str(action_id), **action}]} if channel:
            value = _chosen_value(action)
            if action_id == _CARD_MENU:
                action_id, _, value = value.partition(" ")
            base_id = action_id.split(":", 1)[0]
            # Only the bot knows which subscription a button ends: here it may be any.
            words = () if base_id == _UNSUBSCRIBE_BUTTON else tuple(value.split())
            return str(channel), _BUTTONS.get(base_id, base_id), words
        case {"type": "message_action", "callback_id": str(callback), "message": message} if channel:
            verb = "track" if callback == _TRACK_SHORTCUT else callback
            return str(channel), verb, tuple(dict.fromkeys(_JOB.findall(str(message))))
    return None


def _chosen_value(action: Any) -> str:
    """Return the value of a pressed button or of a chosen option."""
    match action:
        case {"value": str(value)} | {"selected_option": {"value": str(value)}}:
            return value
    return ""


class EffectiveCommands:
    """Decides which commands took effect, and when, from the bot's visible replies."""

    def __init__(
        self,
        replies: Iterable[SentReply],
        posts: Mapping[str, ChannelPosts],
        direct_messages: Mapping[str, str],
        names: Mapping[str, str],
    ) -> None:
        """Index all replies, the posts by channel, each user's direct message channel and the names of jobs by id."""
        self._replies: dict[str, list[SentReply]] = {}
        self._public_replies: dict[str, str] = {}
        """Interaction of each public reply, by the ts of its message."""
        for reply in replies:
            if not PLACEHOLDER_REPLY.fullmatch(reply.text):
                self._replies.setdefault(reply.interaction_id, []).append(reply)
            if isinstance(reply.displayed, ChannelMessage):
                self._public_replies.setdefault(reply.displayed.ts, reply.interaction_id)
        self._posts = posts
        self._direct_messages = direct_messages
        self._names = names
        self._claimed: set[str] = set()

    def by_channel(self, commands: Iterable[UserCommand]) -> dict[str, list[UserCommand]]:
        """Return the commands that took effect by channel, each with the time at which it did."""
        found: dict[str, list[UserCommand]] = {}
        for command in commands:
            for each in self._effects(command):
                found.setdefault(each.channel, []).append(each)
        return found

    def _effects(self, command: UserCommand) -> Iterator[UserCommand]:
        if command.verb in _STOP_VERBS:
            if self._has_stopped(command):
                yield command
        elif command.verb in _ANNOUNCED:
            if at := self._announced_at(command):
                yield _replace(command, at=at, verb=_ANNOUNCED[command.verb])
        elif command.verb == "track":
            is_for_me = command.words[-1:] and command.words[-1].casefold() == "me"
            channel = self._direct_messages.get(command.user, command.channel) if is_for_me else command.channel
            for verb, jobs in self._tracked_jobs(command).items():
                yield _replace(command, channel=channel, verb=verb, words=tuple(sorted(jobs)))

    def _has_stopped(self, command: UserCommand) -> bool:
        """Whether a command that reduces notifications took effect: it did unless its only reply is ephemeral.

        An unanswered command counts as done. So does one with a failure reply, since the failure may be the reply's own;
        a command that the bot could not parse does not.
        """
        replies = self._replies.get(command.interaction_id, [])
        is_private = bool(replies) and all(reply.ephemeral for reply in replies)
        if not is_private or replies[0].plain_text.startswith(WARNING_PREFIX):
            return not (is_private and USAGE_REPLY in replies[0].plain_text)
        return any(
            _is_attributed_to(message, command) and self._may_be_reply(message, command)
            for message in self._messages_without_metadata(command)
        )

    def _may_be_reply(self, message: ChannelMessage, command: UserCommand) -> bool:
        """Whether a public message may be the reply to this command: no other command has it."""
        return self._public_replies.get(message.ts, command.interaction_id) == command.interaction_id

    def _messages_without_metadata(self, command: UserCommand) -> Sequence[ChannelMessage]:
        posts = self._posts.get(command.channel)
        return posts.without_metadata if posts else ()

    def _announced_at(self, command: UserCommand) -> float | None:
        """Return when a new subscription or a pressed setting was announced in the channel, None if it was not or if it failed.

        The announcement precedes the ephemeral reply; one that replaces a message has the time of that message.
        """
        private = [
            reply for reply in self._replies.get(command.interaction_id, []) if reply.ephemeral and reply.displayed
        ]
        if private and private[0].plain_text.startswith(WARNING_PREFIX):
            return None
        shown = [reply.displayed.ts for reply in private if reply.displayed and not reply.replace_original]
        until = max(map(float, shown), default=float("inf"))
        posts = self._posts.get(command.channel)
        for message in posts.attributed if posts else ():
            if message.ts not in self._claimed and _is_attributed_to(message, command) and float(message.ts) <= until:
                self._claimed.add(message.ts)
                return float(message.ts)
        return None

    def _tracked_jobs(self, command: UserCommand) -> dict[str, frozenset[str]]:
        """Return the jobs that replies name as tracked, by name or id, and those that failed."""
        lines = [
            line for reply in self._replies.get(command.interaction_id, []) for line in reply.plain_text.splitlines()
        ]
        failures = [line for line in lines if line.startswith(WARNING_PREFIX)]
        successes = [line for line in lines if line not in failures]
        mentioned = {job for line in successes for job in _JOB.findall(line)}
        shown = {name for line in successes for name in _BOLD.findall(line)}
        mentioned |= {job for job in command.jobs if any(_is_shown(self._names.get(job), each) for each in shown)}
        failed = {job for line in failures for job in _JOB.findall(line)} or (
            set(command.jobs - mentioned) if failures else set()
        )
        return {"track": command.jobs & mentioned - failed, UNDO_TRACK: command.jobs & failed}


def _replace(command: UserCommand, **changes: Any) -> UserCommand:
    return UserCommand(**{**vars(command), **changes})


def _is_shown(name: str | None, shown: str) -> bool:
    """Whether a bold text is the name of a job: cut if it is long, with other characters in place of formatting."""
    if not name:
        return False
    return _letters(name) == _letters(shown) or (shown.endswith("…") and _letters(name).startswith(_letters(shown)))


def _letters(text: str) -> str:
    return "".join(each for each in unescape(text) if each.isalnum() and each not in _LOOKALIKES)


def _is_attributed_to(message: ChannelMessage, command: UserCommand) -> bool:
    """Whether a message is a later one of the channel that begins with this user's mention."""
    return float(message.ts) >= command.at and message.thread_ts is None and f"<@{command.user}>" in message.text[:60]


def direct_messages(channels: Iterable[Channel]) -> dict[str, str]:
    """Return the id of each user's direct message channel with the bot, by user id."""
    return {channel.user: channel.id for channel in channels if channel.is_im}
