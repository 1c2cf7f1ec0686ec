"""Duplicate replies: an equal reply to the same request counts, whichever way it came."""

import pytest

from bot.sandbox.demo.oracle.duplicate_replies import UserRequest, VisibleReply, count_duplicate_replies

LIST = UserRequest("1", 1.0, "U1", "C1", "list 2")
AGAIN = UserRequest("2", 5.0, "U1", "C1", "list 2")
HELP = UserRequest("3", 3.0, "U1", "C1", "help")
HERS = UserRequest("4", 1.0, "U2", "C1", "list 2")


def reply_to(request: UserRequest, content: str = "jobs", *, message_id: str = "", at: float = 6.0) -> VisibleReply:
    """Return a reply that names its interaction."""
    return VisibleReply(
        message_id or f"e{request.interaction_id}", at, request.channel, content, request.user, request.interaction_id
    )


def unattributed(content: str = "jobs", *, user: str = "U1", channel: str = "C1", at: float = 7.0) -> VisibleReply:
    """Return a reply that names no interaction."""
    return VisibleReply(f"{content}{user}{channel}{at}", at, channel, content, user)


CASES: dict[str, tuple[list[UserRequest], list[VisibleReply], int]] = {
    "one": ([LIST], [reply_to(LIST)], 0),
    "none": ([LIST], [], 0),
    "twice through one URL": ([LIST], [reply_to(LIST), reply_to(LIST, message_id="x")], 1),
    "thrice through one URL": (
        [LIST],
        [reply_to(LIST), reply_to(LIST, message_id="x"), reply_to(LIST, message_id="y")],
        2,
    ),
    "in place of the first": ([LIST], [reply_to(LIST, "checking"), reply_to(LIST)], 0),
    "another one to the same": ([LIST], [reply_to(LIST, "checking"), reply_to(LIST, message_id="x")], 0),
    "asked twice, answered twice": ([LIST, AGAIN], [reply_to(LIST), reply_to(AGAIN)], 0),
    "the second way after the first": ([LIST], [reply_to(LIST), unattributed()], 1),
    "the second way alone": ([LIST], [unattributed()], 0),
    "the second way twice": ([LIST], [unattributed(), unattributed(at=8.0)], 1),
    "asked twice, once a second way": ([LIST, AGAIN], [reply_to(LIST), unattributed()], 0),
    "asked again only later": ([LIST, AGAIN], [reply_to(LIST, at=2.0), unattributed(at=3.0)], 1),
    "a double beside something else that is not answered": ([LIST, HELP], [reply_to(LIST), unattributed()], 1),
    "something else by the second way": ([LIST, HELP], [reply_to(LIST), unattributed("verbs")], 0),
    "for all to see": ([LIST], [reply_to(LIST), unattributed(user="")], 1),
    "another person's": ([LIST, HERS], [reply_to(LIST), unattributed(user="U2")], 0),
    "of nobody's question": ([LIST], [reply_to(LIST), unattributed("news")], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_duplicate_replies_are_counted(case: str) -> None:
    requests, replies, expected = CASES[case]
    assert count_duplicate_replies(requests, replies) == expected
