import pytest

from bot.commands.command import Asker, Command, Verb
from bot.commands.permissions import Need
from bot.commands.registry import _RUN

ASKER = Asker("U0OLIVIA", "C0ML", "T0ACME")
ORDERS = {Verb.CANCEL, Verb.PAUSE, Verb.RESUME, Verb.CREATE, Verb.CONFIRM}
FOR_OPERATORS = ORDERS | {Verb.OUTBOX, Verb.RETRY, Verb.AUDIT}


@pytest.mark.parametrize("verb", Verb)
def test_a_verb_needs_an_operator_where_it_changes_a_job_or_what_others_get(verb: Verb) -> None:
    expected = Need.NOTHING if verb is Verb.HELP else Need.OPERATE if verb in FOR_OPERATORS else Need.READ

    assert Command(verb, ASKER).need is expected
    assert Command(verb, ASKER).changes_job is (verb in ORDERS)


@pytest.mark.parametrize(
    ("to", "need"),
    [
        (None, Need.READ),
        ("me", Need.READ),
        ("C0ML", Need.READ),
        ("U0OLIVIA", Need.READ),
        ("C0OPS", Need.OPERATE),
        ("U0MILO", Need.OPERATE),
    ],
)
def test_tracking_in_somebody_elses_channel_is_for_operators(to: str | None, need: Need) -> None:
    command = Command(Verb.TRACK, ASKER, job_ids=("ftjob-a",), to=to)

    assert command.need is need
    assert not command.changes_job


def test_every_verb_has_something_that_runs_it() -> None:
    assert set(_RUN) == set(Verb)
