from typing import Any

import pytest

from bot.commands.command import Command
from bot.commands.permissions import Permission
from bot.commands.registry import VERBS
from bot.commands.track import TrackCommand
from tests.commands.typed import REQUESTER

ACTIONS = {"cancel", "pause", "resume", "create", "confirm"}
FOR_OPERATORS = ACTIONS | {"outbox", "retry", "audit"}
ARGUMENTS: dict[str, Any] = {"mute": {"seconds": 60.0}, "confirm": {"key": "key"}}


def command_of(verb: str) -> Command:
    command: Command = VERBS[verb].command(REQUESTER, **ARGUMENTS.get(verb, {}))
    return command


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_needs_an_operator_where_it_changes_a_job_or_what_others_get(verb: str) -> None:
    expected = Permission.NONE if verb == "help" else Permission.OPERATE if verb in FOR_OPERATORS else Permission.READ

    assert VERBS[verb].permission_for(command_of(verb)) is expected
    assert VERBS[verb].changes_job is (verb in ACTIONS)


@pytest.mark.parametrize("verb", VERBS)
def test_an_operators_command_that_nothing_confirms_needs_fresh_permissions(verb: str) -> None:
    assert VERBS[verb].needs_fresh_permissions(command_of(verb)) is (verb in {"confirm", "outbox", "retry", "audit"})


@pytest.mark.parametrize(
    ("to", "permission"),
    [
        (None, Permission.READ),
        ("me", Permission.READ),
        ("C0ML", Permission.READ),
        ("U0OLIVIA", Permission.READ),
        ("C0OPS", Permission.OPERATE),
        ("U0MILO", Permission.OPERATE),
    ],
)
def test_tracking_for_another_channel_is_for_operators(to: str | None, permission: Permission) -> None:
    verb, command = VERBS["track"], TrackCommand(REQUESTER, job_ids=("ftjob-a",), to=to)

    assert verb.permission_for(command) is permission
    assert verb.needs_fresh_permissions(command) is (permission is Permission.OPERATE)
    assert not verb.changes_job


def test_every_verb_that_can_be_typed_can_be_parsed() -> None:
    assert {name for name, verb in VERBS.items() if verb.parse} == {name for name, verb in VERBS.items() if verb.usage}
