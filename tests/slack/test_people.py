from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.access import Person
from bot.sandbox.faults import Fault
from bot.sandbox.slack import Slack
from bot.sandbox.workspace import TEAM
from bot.slack.people import REMEMBERED, People


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

    assert await People(client, frozenset(), hours).person(someone.id, team_id=TEAM) == Person(someone.id, **expected)


async def test_a_member_is_nothing_special(slack: Slack, client: AsyncWebClient, hours: Hours) -> None:
    someone = slack.add_person("someone")

    assert await People(client, frozenset(), hours).person(someone.id, team_id=TEAM) == Person(someone.id)


async def test_somebody_of_another_team_is_a_stranger(slack: Slack, client: AsyncWebClient, hours: Hours) -> None:
    sam = slack.add_person("sam", team_id="T0STRANGER")

    assert await People(client, frozenset(), hours).person(sam.id, team_id=TEAM) == Person(sam.id, is_stranger=True)


async def test_a_team_of_their_own_is_enough_to_be_a_stranger(
    slack: Slack, client: AsyncWebClient, hours: Hours
) -> None:
    answer = {"ok": True, "user": {"id": "U0SAM", "team_id": "T0OTHER", "is_admin": True}}
    slack.faults.always("users.info", Fault("answer", status=200, body=answer))
    people = People(client, frozenset(), hours)

    assert await people.person("U0SAM", team_id=TEAM) == Person("U0SAM", is_admin=True, is_stranger=True)


async def test_slacks_word_is_remembered_for_five_minutes(slack: Slack, client: AsyncWebClient, hours: Hours) -> None:
    someone = slack.add_person("someone")
    people = People(client, frozenset(), hours)

    await people.person(someone.id, team_id=TEAM)
    someone.is_admin = True
    hours.now += REMEMBERED - 1
    assert await people.person(someone.id, team_id=TEAM) == Person(someone.id)
    assert asked(slack) == ["users.info"]

    hours.now += 1
    assert await people.person(someone.id, team_id=TEAM) == Person(someone.id, is_admin=True)
    assert asked(slack) == ["users.info"] * 2


FAULTS = {
    "an error": Fault("answer", status=200, body={"ok": False, "error": "user_not_found"}),
    "a rate limit": Fault(
        "answer", status=429, headers={"Retry-After": "1"}, body={"ok": False, "error": "ratelimited"}
    ),
    "a broken server": Fault("answer", status=503, body="Service Unavailable"),
    "garbage": Fault("answer", status=200, body="<html>proxy</html>"),
    "no person in the answer": Fault("answer", status=200, body={"ok": True}),
    "a text for a person": Fault("answer", status=200, body={"ok": True, "user": "olivia"}),
    "a closed connection": Fault("drop"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_where_slack_cannot_say_who_it_is_it_is_nobody_and_that_is_not_remembered(
    slack: Slack, client: AsyncWebClient, hours: Hours, fault: Fault
) -> None:
    olivia = slack.add_person("olivia", is_admin=True)
    people = People(client, frozenset(), hours)
    slack.faults.always("users.info", fault)

    assert await people.person(olivia.id, team_id=TEAM) is None
    slack.faults.clear()
    assert await people.person(olivia.id, team_id=TEAM) == Person(olivia.id, is_admin=True)


async def test_a_member_of_an_operators_group_is_known_by_it(
    slack: Slack, client: AsyncWebClient, hours: Hours
) -> None:
    milo, mia = slack.add_person("milo"), slack.add_person("mia")
    group, other = slack.add_usergroup("mlops", [milo]), slack.add_usergroup("sales", [milo, mia])
    people = People(client, frozenset({group, "U0ELSE"}), hours)

    assert await people.person(milo.id, team_id=TEAM) == Person(milo.id, groups=frozenset({group}))
    assert await people.person(mia.id, team_id=TEAM) == Person(mia.id)
    assert other not in str([entry.request for entry in slack.ledger])


@pytest.mark.parametrize("who", ["an admin", "a guest", "a stranger", "a named operator"])
async def test_a_group_that_cannot_be_read_matters_to_nobody_whom_it_could_not_help(
    slack: Slack, client: AsyncWebClient, hours: Hours, who: str
) -> None:
    someone = slack.add_person("someone", team_id="T0STRANGER" if who == "a stranger" else TEAM)
    someone.is_admin, someone.is_restricted = who == "an admin", who == "a guest"
    operators = frozenset({"S0GONE", someone.id} if who == "a named operator" else {"S0GONE"})

    assert await People(client, operators, hours).person(someone.id, team_id=TEAM) is not None
    assert asked(slack) == ["users.info"]


async def test_a_group_that_cannot_be_read_leaves_a_member_unknown(
    slack: Slack, client: AsyncWebClient, hours: Hours
) -> None:
    milo = slack.add_person("milo")

    assert await People(client, frozenset({"S0GONE"}), hours).person(milo.id, team_id=TEAM) is None
