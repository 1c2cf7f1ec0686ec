from structlog.testing import capture_logs

from bot.listeners.early import Early

BOT = "U0FTJOB"


def test_the_bots_own_arrivals_and_everybody_who_waits_at_home_come_back_once_in_order() -> None:
    early = Early()
    for person, channel in ((BOT, "C1"), ("U0MILO", "C2"), (BOT, "C3"), (BOT, "C1")):
        early.joined(person, channel)
    for person in ("U0MILO", BOT, "U0MILO"):
        early.opened_home(person)

    assert early.take(BOT) == (["C1", "C3"], ["U0MILO", BOT])
    assert early.take(BOT) == ([], [])


def test_beyond_the_most_the_oldest_are_forgotten_and_that_is_said_once() -> None:
    early = Early(most=3)

    with capture_logs() as logs:
        for n in range(5):
            early.joined(BOT, f"C{n}")
        early.opened_home("U0MILO")

    assert [(line["event"], line["most"]) for line in logs] == [("events.forgotten", 3)]
    assert early.take(BOT) == (["C3", "C4"], ["U0MILO"])
