"""What people asked the bot for, as Slack delivered it, and which of it the bot confirmed before their eyes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.demo.oracle.posts import ChannelPosts
from bot.sandbox.slack.exchange import PLACEHOLDER_REPLY, UserInteraction
from bot.sandbox.slack.messages import ChannelMessage, SentReply
from bot.sandbox.slack.workspace import Channel

WARNING_PREFIX = ":warning:"
"""How the bot begins what it says where something did not work."""
USAGE_REPLY = "Usage: "
"""What the bot says where it did not read what was typed: it did nothing."""
UNDO_TRACK = "take back"
"""The verb of a track that did not work: a card that stands there all the same means nothing."""
_VERBS = {"watch": "track", "unwatch": "untrack", "rm": "untrack"}
_END_SUBSCRIPTION = "ftjob_unsubscribe"
_BUTTONS = {
    "ftjob_track": "track",
    "ftjob_untrack": "untrack",
    _END_SUBSCRIPTION: "unsubscribe",
    "ftjob_unmute": "unmute",
}
_TRACK_JOBS_IN = "ftjob_track_from_message"
_STOPS = frozenset({"untrack", "unsubscribe", "mute", "unmute", "settings"})
_CHANNEL = re.compile(r"<#(\w+)(?:\|[^>]*)?>", re.ASCII)
_JOB = re.compile(r"\bftjob-[A-Za-z0-9]+", re.ASCII)
_STRAIGHT = str.maketrans("\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a", '"' * 5 + "'" * 3)
_QUOTED = re.compile(r"(?P<key>[\w.-]+=)(?P<quote>[\"'`])(?P<value>[\w .@-]+)(?P=quote)(?=[\s,.;:!?]|$)")
"""A value in quotes of which nothing else could be meant; any other is left unread."""
_BLANK = "\0"
"""What stands for a space within a value."""
_AROUND = "\"'`\u201c\u201d\u2018\u2019.,;:!?()<>"


@dataclass(frozen=True)
class UserCommand:
    """Something that a person typed or pressed."""

    interaction_id: str
    at: float
    user: str
    channel: str
    verb: str
    words: tuple[str, ...] = ()
    """What follows the verb, without quotes or punctuation around it."""

    @property
    def jobs(self) -> frozenset[str]:
        """The jobs that it names."""
        return frozenset(found[0] for word in self.words if (found := _JOB.search(word)))


def user_commands(exchanges: Iterable[UserInteraction]) -> Iterator[UserCommand]:
    """Yield what the bot was brought and acknowledged, in order."""
    for exchange in exchanges:
        if exchange.delivered is None or not exchange.acked:
            continue
        kind, payload = exchange.delivered
        read = _typed(payload) if kind == "slash_commands" else _used(payload) if kind == "interactive" else None
        if read:
            channel, verb, words = read
            yield UserCommand(exchange.id, exchange.at, exchange.user, channel, verb, words)


def _typed(payload: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]] | None:
    text = _QUOTED.sub(_as_one_word, str(payload["text"]).translate(_STRAIGHT))
    raw = [word for each in text.split() for word in (each.split(",") if "=" not in each else [each])]
    places = [found[1] for word in raw if (found := _CHANNEL.search(word))]
    words = [word.replace(_BLANK, " ") for each in raw if (word := each.strip(_AROUND))]
    verb = _VERBS.get(words[0].casefold(), words[0].casefold()) if words else "help"
    channel = str(payload["channel_id"])
    return (places[-1] if verb == "track" and places else channel), verb, tuple(words[1:])


def _as_one_word(pair: re.Match[str]) -> str:
    """Return a pair whose value stood in quotes without them."""
    return pair["key"] + pair["value"].replace(" ", _BLANK)


def _used(payload: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]] | None:
    channel = (payload.get("channel") or {}).get("id")
    match payload:
        case {"type": "block_actions", "actions": [{"action_id": str(action_id), **action}]} if channel:
            pressed = action_id.split(":", 1)[0]
            # Which subscription a button ends is known to the bot alone: here it may be any.
            words = () if pressed == _END_SUBSCRIPTION else (str(action.get("value", "")),)
            return str(channel), _BUTTONS.get(pressed, pressed), words
        case {"type": "message_action", "callback_id": str(callback), "message": message} if channel:
            verb = "track" if callback == _TRACK_JOBS_IN else callback
            return str(channel), verb, tuple(dict.fromkeys(_JOB.findall(str(message))))
    return None


class EffectiveCommands:
    """Decides which asks took effect, and when: by what the bot showed in answer to them."""

    def __init__(
        self, replies: Iterable[SentReply], posts: Mapping[str, ChannelPosts], direct: Mapping[str, str]
    ) -> None:
        """Take what can be seen: all replies, what was posted by channel, and each person's direct messages."""
        self._replies: dict[str, list[SentReply]] = {}
        self._answers: dict[str, str] = {}
        """What each public answer answers, by its ts."""
        for reply in replies:
            if not PLACEHOLDER_REPLY.fullmatch(reply.text):
                self._replies.setdefault(reply.interaction_id, []).append(reply)
            if isinstance(reply.displayed, ChannelMessage):
                self._answers.setdefault(reply.displayed.ts, reply.interaction_id)
        self._posts = posts
        self._direct = direct
        self._taken: set[str] = set()

    def by_channel(self, asks: Iterable[UserCommand]) -> dict[str, list[UserCommand]]:
        """Return what took effect by channel, each with the moment when it did."""
        found: dict[str, list[UserCommand]] = {}
        for ask in asks:
            for each in self._effects(ask):
                found.setdefault(each.channel, []).append(each)
        return found

    def _effects(self, ask: UserCommand) -> Iterator[UserCommand]:
        if ask.verb in _STOPS:
            if self._is_stopped(ask):
                yield ask
        elif ask.verb == "subscribe":
            if at := self._announced(ask):
                yield _moved(ask, at=at)
        elif ask.verb == "track":
            is_for_me = ask.words[-1:] and ask.words[-1].casefold() == "me"
            place = self._direct.get(ask.user, ask.channel) if is_for_me else ask.channel
            for verb, jobs in self._tracked(ask).items():
                yield _moved(ask, channel=place, verb=verb, words=tuple(sorted(jobs)))

    def _is_stopped(self, ask: UserCommand) -> bool:
        """Whether less is told from now on, or other things: so unless the only answer is a private one.

        A stop that was not answered yet is taken for done. So is one of which the bot says that something did not work,
        which may be its answer; not one that it did not understand.
        """
        replies = self._replies.get(ask.interaction_id, [])
        is_private = bool(replies) and all(reply.ephemeral for reply in replies)
        if not is_private or replies[0].plain_text.startswith(WARNING_PREFIX):
            return not (is_private and USAGE_REPLY in replies[0].plain_text)
        return any(_is_by(message, ask) and self._is_answer(message, ask) for message in self._unkeyed(ask))

    def _is_answer(self, message: ChannelMessage, ask: UserCommand) -> bool:
        """Whether a public answer may be the one to this ask: no other has it."""
        return self._answers.get(message.ts, ask.interaction_id) == ask.interaction_id

    def _unkeyed(self, ask: UserCommand) -> Sequence[ChannelMessage]:
        posts = self._posts.get(ask.channel)
        return posts.without_metadata if posts else ()

    def _announced(self, ask: UserCommand) -> float | None:
        """Return when a channel was told that it is subscribed now, None where it was not, or where that did not work.

        The announcement stands before the private answer. What comes after that says how sure it is that it was seen.
        """
        private = [reply for reply in self._replies.get(ask.interaction_id, []) if reply.ephemeral and reply.displayed]
        if private and private[0].plain_text.startswith(WARNING_PREFIX):
            return None
        until = max((float(reply.displayed.ts) for reply in private if reply.displayed), default=float("inf"))
        posts = self._posts.get(ask.channel)
        for message in posts.attributed if posts else ():
            if message.ts not in self._taken and _is_by(message, ask) and float(message.ts) <= until:
                self._taken.add(message.ts)
                return float(message.ts)
        return None

    def _tracked(self, ask: UserCommand) -> dict[str, frozenset[str]]:
        """Return the jobs that answers name, and those of which one says that it did not work."""
        lines = [line for reply in self._replies.get(ask.interaction_id, []) for line in reply.plain_text.splitlines()]
        wrong = [line for line in lines if line.startswith(WARNING_PREFIX)]
        named = {job for line in lines if line not in wrong for job in _JOB.findall(line)}
        not_done = {job for line in wrong for job in _JOB.findall(line)} or (set(ask.jobs - named) if wrong else set())
        return {"track": ask.jobs & named - not_done, UNDO_TRACK: ask.jobs & not_done}


def _moved(ask: UserCommand, **changes: Any) -> UserCommand:
    return UserCommand(**{**vars(ask), **changes})


def _is_by(message: ChannelMessage, ask: UserCommand) -> bool:
    """Whether a message says first that this person did something, after they asked for it."""
    return float(message.ts) >= ask.at and message.thread_ts is None and f"<@{ask.user}>" in message.text[:60]


def direct_messages(channels: Iterable[Channel]) -> dict[str, str]:
    """Return each person's direct messages with the bot, by user id."""
    return {channel.user: channel.id for channel in channels if channel.is_im}
