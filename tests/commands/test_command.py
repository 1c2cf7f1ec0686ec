import pytest

from bot.commands.command import Command, Requester, Verb
from bot.commands.permissions import Permission
from bot.commands.registry import _RUN

REQUESTER = Requester("U0OLIVIA", "C0ML", "T0ACME")
ACTIONS = {Verb.CANCEL, Verb.PAUSE, Verb.RESUME, Verb.CREATE, Verb.CONFIRM}
FOR_OPERATORS = ACTIONS | {Verb.OUTBOX, Verb.RETRY, Verb.AUDIT}


@pytest.mark.parametrize("verb", Verb)
def test_a_verb_needs_an_operator_where_it_changes_a_job_or_what_others_get(verb: Verb) -> None:
    expected = (
        Permission.NONE if verb is Verb.HELP else Permission.OPERATE if verb in FOR_OPERATORS else Permission.READ
    )

    assert Command(verb, REQUESTER).permission is expected
    assert Command(verb, REQUESTER).changes_job is (verb in ACTIONS)


@pytest.mark.parametrize(
    ("to", "need"),
    [
        (None, Permission.READ),
        ("me", Permission.READ),
        ("C0ML", Permission.READ),
        ("U0OLIVIA", Permission.READ),
        ("C0OPS", Permission.OPERATE),
        ("U0MILO", Permission.OPERATE),
    ],
)
def test_tracking_in_somebody_elses_channel_is_for_operators(to: str | None, need: Permission) -> None:
    command = Command(Verb.TRACK, REQUESTER, job_ids=("ftjob-a",), to=to)

    assert command.permission is need
    assert not command.changes_job


def test_every_verb_has_something_that_runs_it() -> None:
    assert set(_RUN) == set(Verb)
