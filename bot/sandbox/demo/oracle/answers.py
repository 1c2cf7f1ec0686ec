"""Answers to one person that are on screen twice. Pure.

An answer through a response URL names its exchange; one that was posted by itself names nobody's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class UserRequest:
    """Something that was asked: the same words may be asked twice, and answered twice."""

    interaction_id: str
    at: float
    user: str
    channel: str
    text: str


@dataclass(frozen=True)
class VisibleReply:
    """Something that a person sees as an answer, or that a channel does."""

    message_id: str
    """What tells it from every other on screen; one that took another's place is that one."""
    at: float
    channel: str
    content: str
    """What it says in one sentence; what stands around that may name the time."""
    user: str = ""
    """The one who sees it, "" for all."""
    interaction_id: str = ""
    """What it answers, "" where it does not say."""


def count_duplicate_replies(questions: Iterable[UserRequest], answers: Iterable[VisibleReply]) -> int:
    """Return how many answers are on screen beside an equal one to the same question."""
    once = {answer.message_id: answer for answer in answers}.values()
    asked = {question.interaction_id: question for question in questions}
    given: dict[str, list[str]] = {}
    """The contents that each question was answered with."""
    count, strays = 0, []
    for answer in sorted(once, key=lambda each: each.at):
        if answer.interaction_id:
            before = given.setdefault(answer.interaction_id, [])
            count += answer.content in before
            before.append(answer.content)
        else:
            strays.append(answer)
    for answer in strays:
        open_ones = _unanswered(answer, asked, given)
        same = {asked[each].text for each, held in given.items() if each in asked and answer.content in held}
        fitting = [each for each in open_ones if not same or each.text in same]
        count += bool(same) and not fitting
        if fitting:
            given[fitting[-1].interaction_id] = [answer.content]
    return count


def _unanswered(
    answer: VisibleReply, asked: Mapping[str, UserRequest], given: Mapping[str, Sequence[str]]
) -> list[UserRequest]:
    """Return the questions that an answer may be to: of this person, in this channel, before it."""
    return [
        each
        for each in asked.values()
        if each.interaction_id not in given
        and each.channel == answer.channel
        and answer.user in ("", each.user)
        and each.at <= answer.at
    ]
