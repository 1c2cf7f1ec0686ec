from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import TEAM
from bot.slack.members import Person, Unknown, Workspace
from bot.slack.users import LAST_WORD, REMEMBERED, People

OURS = Workspace(TEAM)


class Hours:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with Slack() as made:
        yield made


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
async def client(slack: Slack) -> AsyncIterator[AsyncWebClient]:
    async with ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url.rstrip("/") + "/", session=session, retry_handlers=[]
        )


def asked(slack: Slack) -> list[str]:
    return [entry.what for entry in slack.ledger]


FLAGS: dict[str, dict[str, Any]] = {
    "is_admin": {"is_admin": True},
    "is_owner": {"is_admin": True},
    "is_primary_owner": {"is_admin": True},
    "is_restricted": {"is_guest": True},
    "is_ultra_restricted": {"is_guest": True},
    "is_bot": {"is_human": False},
    "deleted": {"is_human": False},
}


@pytest.mark.parametrize(("flag", "expected"), FLAGS.items(), ids=FLAGS.keys())
async def test_a_person_is_what_slack_says_of_them(
    slack: Slack, client: AsyncWebClient, hours: Hours, flag: str, expected: dict[str, Any]
) -> None:
    someone = slack.add_person("someone")
    setattr(someone, flag, True)

    assert await People(client, frozenset(), hours).ask(someone.id, OURS) == Person(someone.id, **expected)


async def test_a_member_is_nothing_special(slack: Slack, client: AsyncWebClient, hours: Hours) -> None:
    someone = slack.add_person("someone")

    assert await People(client, frozenset(), hours).ask(someone.id, OURS) == Person(someone.id)


async def test_somebody_of_another_team_is_a_stranger(slack: Slack, client: AsyncWebClient, hours: Hours) -> None:
    sam = slack.add_person("sam", team_id="T0STRANGER")

    assert await People(client, frozenset(), hours).ask(sam.id, OURS) == Person(sam.id, is_stranger=True)


async def test_a_team_of_their_own_is_enough_to_be_a_stranger(
    slack: Slack, client: AsyncWebClient, hours: Hours
) -> None:
    answer = {"ok": True, "user": {"id": "U0SAM", "team_id": "T0OTHER", "is_admin": True}}
    slack.faults.always("users.info", Fault("answer", status=200, body=answer))
    people = People(client, frozenset(), hours)

    assert await people.ask("U0SAM", OURS) == Person("U0SAM", is_admin=True, is_stranger=True)


async def test_slacks_word_is_remembered_for_five_minutes(slack: Slack, client: AsyncWebClient, hours: Hours) -> None:
    someone = slack.add_person("someone")
    people = People(client, frozenset(), hours)

    await people.ask(someone.id, OURS)
    someone.is_admin = True
    hours.now += REMEMBERED - 1
    assert await people.ask(someone.id, OURS) == Person(someone.id)
    assert asked(slack) == ["users.info"]

    hours.now += 1
    assert await people.ask(someone.id, OURS) == Person(someone.id, is_admin=True)
    assert asked(slack) == ["users.info"] * 2


UNREACHABLE = {
    "a rate limit": Fault(
        "answer", status=429, headers={"Retry-After": "1"}, body={"ok": False, "error": "ratelimited"}
    ),
    "a fatal error": Fault("answer", status=200, body={"ok": False, "error": "fatal_error"}),
    "a broken server": Fault("answer", status=503, body="Service Unavailable"),
    "a page": Fault("answer", status=200, headers={"Content-Type": "text/html"}, body="<html>proxy</html>"),
    "a closed connection": Fault("drop"),
}
FORBIDDEN = {
    word: Fault("answer", status=200, body={"ok": False, "error": word}) for word in ("missing_scope", "token_revoked")
}
ABSENT = {
    word: Fault("answer", status=200, body={"ok": False, "error": word})
    for word in ("user_not_found", "user_not_visible")
}
UNREADABLE = {
    str(body): Fault("answer", status=200, body=body)
    for body in ({"ok": True}, {"ok": True, "user": None}, {"ok": True, "user": {}}, {"ok": True, "user": "olivia"})
}
ANSWERS = {
    **{name: (fault, Unknown.UNREACHABLE) for name, fault in UNREACHABLE.items()},
    **{name: (fault, Unknown.FORBIDDEN) for name, fault in FORBIDDEN.items()},
    **{name: (fault, Unknown.NO_SUCH_PERSON) for name, fault in ABSENT.items()},
    **{name: (fault, Unknown.UNREADABLE) for name, fault in UNREADABLE.items()},
}


@pytest.mark.parametrize(("fault", "why"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_where_slack_does_not_say_who_it_is_nothing_is_known_and_that_is_not_remembered(
    slack: Slack, client: AsyncWebClient, hours: Hours, fault: Fault, why: Unknown
) -> None:
    olivia = slack.add_person("olivia", is_admin=True)
    people = People(client, frozenset(), hours)
    slack.faults.always("users.info", fault)

    assert await people.ask(olivia.id, OURS) is why
    assert await people.ask(olivia.id, OURS, operates=True, fresh=True) is why
    slack.faults.clear()
    assert await people.ask(olivia.id, OURS) == Person(olivia.id, is_admin=True)


@pytest.mark.parametrize("fault", [*UNREACHABLE.values(), *FORBIDDEN.values()], ids=[*UNREACHABLE, *FORBIDDEN])
async def test_slacks_last_word_serves_for_a_day_while_it_cannot_be_asked(
    slack: Slack, client: AsyncWebClient, hours: Hours, fault: Fault
) -> None:
    gia = slack.add_person("gia", is_restricted=True)
    people = People(client, frozenset(), hours)
    await people.ask(gia.id, OURS)
    slack.faults.always("users.info", fault)

    for seconds in (REMEMBERED, LAST_WORD - REMEMBERED - 1):
        hours.now += seconds
        assert await people.ask(gia.id, OURS) == Person(gia.id, is_guest=True, is_stale=True), "it is never better"
    hours.now += 1
    assert isinstance(await people.ask(gia.id, OURS), Unknown)


@pytest.mark.parametrize("fault", [*ABSENT.values(), *UNREADABLE.values()], ids=[*ABSENT, *UNREADABLE])
async def test_an_answer_that_names_no_member_ends_what_was_known(
    slack: Slack, client: AsyncWebClient, hours: Hours, fault: Fault
) -> None:
    milo = slack.add_person("milo")
    people = People(client, frozenset(), hours)
    await people.ask(milo.id, OURS)
    hours.now += REMEMBERED
    slack.faults.add("users.info", fault, *UNREACHABLE.values())

    assert isinstance(await people.ask(milo.id, OURS), Unknown)
    assert await people.ask(milo.id, OURS) is Unknown.UNREACHABLE


async def test_who_operates_is_asked_about_anew_and_a_last_word_is_marked(
    slack: Slack, client: AsyncWebClient, hours: Hours
) -> None:
    olivia = slack.add_person("olivia", is_admin=True)
    people = People(client, frozenset(), hours)
    await people.ask(olivia.id, OURS)
    olivia.is_admin = False

    assert await people.ask(olivia.id, OURS, operates=True) == Person(olivia.id, is_admin=True)
    assert await people.ask(olivia.id, OURS, operates=True, fresh=True) == Person(olivia.id)
    slack.faults.always("users.info", Fault("drop"))
    assert await people.ask(olivia.id, OURS, operates=True, fresh=True) == Person(olivia.id, is_stale=True)
    assert await people.ask(olivia.id, OURS) == Person(olivia.id)


async def test_memory_is_bounded_and_the_oldest_goes_first(
    slack: Slack, client: AsyncWebClient, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.users._MOST_REMEMBERED", 2)
    people = People(client, frozenset(), hours)
    first, second, third = (slack.add_person(name) for name in ("first", "second", "third"))
    for person in (first, second, third):
        await people.ask(person.id, OURS)
    slack.faults.always("users.info", Fault("drop"))

    assert await people.ask(third.id, OURS) == Person(third.id)
    assert await people.ask(second.id, OURS) == Person(second.id)
    assert await people.ask(first.id, OURS) is Unknown.UNREACHABLE
