"""Which answers are on screen twice."""

import pytest

from bot.sandbox.demo.oracle.duplicate_replies import UserRequest, VisibleReply, count_duplicate_replies

LIST = UserRequest("1", 1.0, "U1", "C1", "list 2")
AGAIN = UserRequest("2", 5.0, "U1", "C1", "list 2")
HELP = UserRequest("3", 3.0, "U1", "C1", "help")
HERS = UserRequest("4", 1.0, "U2", "C1", "list 2")


def to(question: UserRequest, content: str = "jobs", *, shown: str = "", at: float = 6.0) -> VisibleReply:
    """Return an answer that says what it answers."""
    return VisibleReply(
        shown or f"e{question.interaction_id}", at, question.channel, content, question.user, question.interaction_id
    )


def stray(content: str = "jobs", *, person: str = "U1", channel: str = "C1", at: float = 7.0) -> VisibleReply:
    """Return an answer that was posted by itself."""
    return VisibleReply(f"{content}{person}{channel}{at}", at, channel, content, person)


CASES: dict[str, tuple[list[UserRequest], list[VisibleReply], int]] = {
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
    assert count_duplicate_replies(questions, answers) == expected
