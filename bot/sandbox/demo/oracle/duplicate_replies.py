"""Duplicate replies: the same reply visible twice for one request. Pure.

A reply through a response URL names its interaction; one that was posted through the Web API names none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class UserRequest:
    """One request of a user; the same text may be requested twice, and answered twice."""

    interaction_id: str
    at: float
    user: str
    channel: str
    text: str


@dataclass(frozen=True)
class VisibleReply:
    """A reply that a user or a channel sees."""

    message_id: str
    """Id of the visible message; a reply that replaced another has the id of that one."""
    at: float
    channel: str
    content: str
    """Its fallback text; the blocks may contain the time and are not compared."""
    user: str = ""
    """The user who sees it, "" for everyone."""
    interaction_id: str = ""
    """The interaction that it answers, "" if unknown."""


def count_duplicate_replies(requests: Iterable[UserRequest], replies: Iterable[VisibleReply]) -> int:
    """Return how many visible replies repeat an equal reply to the same request."""
    unique = {reply.message_id: reply for reply in replies}.values()
    by_id = {request.interaction_id: request for request in requests}
    contents: dict[str, list[str]] = {}
    """Contents of the replies by interaction."""
    count, unattributed = 0, []
    for reply in sorted(unique, key=lambda each: each.at):
        if reply.interaction_id:
            before = contents.setdefault(reply.interaction_id, [])
            count += reply.content in before
            before.append(reply.content)
        else:
            unattributed.append(reply)
    for reply in unattributed:
        unanswered = _open_requests(reply, by_id, contents)
        same_texts = {by_id[each].text for each, held in contents.items() if each in by_id and reply.content in held}
        candidates = [each for each in unanswered if not same_texts or each.text in same_texts]
        count += bool(same_texts) and not candidates
        if candidates:
            contents[candidates[-1].interaction_id] = [reply.content]
    return count


def _open_requests(
    reply: VisibleReply, requests: Mapping[str, UserRequest], contents: Mapping[str, Sequence[str]]
) -> list[UserRequest]:
    """Return the unanswered requests that a reply may belong to: same user, same channel, earlier."""
    return [
        each
        for each in requests.values()
        if each.interaction_id not in contents
        and each.channel == reply.channel
        and reply.user in ("", each.user)
        and each.at <= reply.at
    ]
