from structlog.testing import capture_logs

from bot.listeners.events import EarlyEvents

BOT = "U0FTJOB"


def test_early_joins_of_the_bot_and_home_openings_are_replayed_once_in_order() -> None:
    early = EarlyEvents()
    for person, channel in ((BOT, "C1"), ("U0MILO", "C2"), (BOT, "C3"), (BOT, "C1")):
        early.add_join(person, channel)
    for person in ("U0MILO", BOT, "U0MILO"):
        early.add_home_view(person)

    assert early.drain(BOT) == (["C1", "C3"], ["U0MILO", BOT])
    assert early.drain(BOT) == ([], [])


def test_beyond_the_limit_the_oldest_events_are_dropped_and_that_is_logged_once() -> None:
    early = EarlyEvents(max_events=3)

    with capture_logs() as logs:
        for n in range(5):
            early.add_join(BOT, f"C{n}")
        early.add_home_view("U0MILO")

    assert [(line["event"], line["most"]) for line in logs] == [("events.dropped", 3)]
    assert early.drain(BOT) == (["C3", "C4"], ["U0MILO"])
