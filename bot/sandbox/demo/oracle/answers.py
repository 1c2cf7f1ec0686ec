"""Answers to one person that are on screen twice. Pure.

An answer through a response URL names its exchange; one that was posted by itself names nobody's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """Something that was asked: the same words may be asked twice, and answered twice."""

    exchange: str
    at: float
    person: str
    channel: str
    words: str


@dataclass(frozen=True)
class Answer:
    """Something that a person sees as an answer, or that a channel does."""

    shown: str
    """What tells it from every other on screen; one that took another's place is that one."""
    at: float
    channel: str
    content: str
    """What it says in one sentence; what stands around that may name the time."""
    person: str = ""
    """The one who sees it, "" for all."""
    exchange: str = ""
    """What it answers, "" where it does not say."""


def doubled(questions: Iterable[Question], answers: Iterable[Answer]) -> int:
    """Return how many answers are on screen beside an equal one to the same question."""
    once = {answer.shown: answer for answer in answers}.values()
    asked = {question.exchange: question for question in questions}
    given: dict[str, list[str]] = {}
    """The contents that each question was answered with."""
    count, strays = 0, []
    for answer in sorted(once, key=lambda each: each.at):
        if answer.exchange:
            before = given.setdefault(answer.exchange, [])
            count += answer.content in before
            before.append(answer.content)
        else:
            strays.append(answer)
    for answer in strays:
        open_ones = _unanswered(answer, asked, given)
        same = {asked[each].words for each, held in given.items() if each in asked and answer.content in held}
        fitting = [each for each in open_ones if not same or each.words in same]
        count += bool(same) and not fitting
        if fitting:
            given[fitting[-1].exchange] = [answer.content]
    return count


def _unanswered(answer: Answer, asked: Mapping[str, Question], given: Mapping[str, Sequence[str]]) -> list[Question]:
    """Return the questions that an answer may be to: of this person, in this channel, before it."""
    return [
        each
        for each in asked.values()
        if each.exchange not in given
        and each.channel == answer.channel
        and answer.person in ("", each.person)
        and each.at <= answer.at
    ]
