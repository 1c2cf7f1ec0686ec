"""Which answers are on screen twice."""

import pytest

from bot.sandbox.demo.oracle.answers import Answer, Question, doubled

LIST = Question("1", 1.0, "U1", "C1", "list 2")
AGAIN = Question("2", 5.0, "U1", "C1", "list 2")
HELP = Question("3", 3.0, "U1", "C1", "help")
HERS = Question("4", 1.0, "U2", "C1", "list 2")


def to(question: Question, content: str = "jobs", *, shown: str = "", at: float = 6.0) -> Answer:
    """Return an answer that says what it answers."""
    return Answer(shown or f"e{question.exchange}", at, question.channel, content, question.person, question.exchange)


def stray(content: str = "jobs", *, person: str = "U1", channel: str = "C1", at: float = 7.0) -> Answer:
    """Return an answer that was posted by itself."""
    return Answer(f"{content}{person}{channel}{at}", at, channel, content, person)


CASES: dict[str, tuple[list[Question], list[Answer], int]] = {
    "one": ([LIST], [to(LIST)], 0),
    "none": ([LIST], [], 0),
    "twice through one URL": ([LIST], [to(LIST), to(LIST, shown="x")], 1),
    "thrice through one URL": ([LIST], [to(LIST), to(LIST, shown="x"), to(LIST, shown="y")], 2),
    "in place of the first": ([LIST], [to(LIST, "checking"), to(LIST)], 0),
    "another one to the same": ([LIST], [to(LIST, "checking"), to(LIST, shown="x")], 0),
    "asked twice, answered twice": ([LIST, AGAIN], [to(LIST), to(AGAIN)], 0),
    "the second way after the first": ([LIST], [to(LIST), stray()], 1),
    "the second way alone": ([LIST], [stray()], 0),
    "the second way twice": ([LIST], [stray(), stray(at=8.0)], 1),
    "asked twice, once a second way": ([LIST, AGAIN], [to(LIST), stray()], 0),
    "asked again only later": ([LIST, AGAIN], [to(LIST, at=2.0), stray(at=3.0)], 1),
    "a double beside something else that is not answered": ([LIST, HELP], [to(LIST), stray()], 1),
    "something else by the second way": ([LIST, HELP], [to(LIST), stray("verbs")], 0),
    "for all to see": ([LIST], [to(LIST), stray(person="")], 1),
    "another person's": ([LIST, HERS], [to(LIST), stray(person="U2")], 0),
    "of nobody's question": ([LIST], [to(LIST), stray("news")], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_answers_on_screen_twice(case: str) -> None:
    questions, answers, expected = CASES[case]
    assert doubled(questions, answers) == expected
