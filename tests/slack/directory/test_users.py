from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import TEAM
from bot.slack.directory.members import Person, UnknownReason, Workspace
from bot.slack.directory.users import CACHE_SECONDS, STALE_SECONDS, Users

OURS = Workspace(TEAM)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hours() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def client(slack: Slack) -> AsyncIterator[AsyncWebClient]:
    async with ClientSession() as session:
        yield AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url.rstrip("/") + "/", session=session, retry_handlers=[]
        )


def asked(slack: Slack) -> list[str]:
    return [entry.endpoint for entry in slack.request_log]


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
async def test_a_user_has_the_roles_that_slack_reports(
    slack: Slack, client: AsyncWebClient, hours: ManualClock, flag: str, expected: dict[str, Any]
) -> None:
    someone = slack.add_user("someone")
    setattr(someone, flag, True)

    assert await Users(client, frozenset(), hours).look_up(someone.id, OURS) == Person(someone.id, **expected)


async def test_a_member_has_no_special_role(slack: Slack, client: AsyncWebClient, hours: ManualClock) -> None:
    someone = slack.add_user("someone")

    assert await Users(client, frozenset(), hours).look_up(someone.id, OURS) == Person(someone.id)


async def test_a_user_of_another_team_is_an_external_user(
    slack: Slack, client: AsyncWebClient, hours: ManualClock
) -> None:
    sam = slack.add_user("sam", team_id="T0STRANGER")

    assert await Users(client, frozenset(), hours).look_up(sam.id, OURS) == Person(sam.id, is_external=True)


async def test_another_team_id_suffices_to_be_an_external_user(
    slack: Slack, client: AsyncWebClient, hours: ManualClock
) -> None:
    answer = {"ok": True, "user": {"id": "U0SAM", "team_id": "T0OTHER", "is_admin": True}}
    slack.faults.always("users.info", Fault("answer", status=200, body=answer))
    people = Users(client, frozenset(), hours)

    assert await people.look_up("U0SAM", OURS) == Person("U0SAM", is_admin=True, is_external=True)


async def test_a_user_is_cached_for_five_minutes(slack: Slack, client: AsyncWebClient, hours: ManualClock) -> None:
    someone = slack.add_user("someone")
    people = Users(client, frozenset(), hours)

    await people.look_up(someone.id, OURS)
    someone.is_admin = True
    hours.now += CACHE_SECONDS - 1
    assert await people.look_up(someone.id, OURS) == Person(someone.id)
    assert asked(slack) == ["users.info"]

    hours.now += 1
    assert await people.look_up(someone.id, OURS) == Person(someone.id, is_admin=True)
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
    **{name: (fault, UnknownReason.UNREACHABLE) for name, fault in UNREACHABLE.items()},
    **{name: (fault, UnknownReason.FORBIDDEN) for name, fault in FORBIDDEN.items()},
    **{name: (fault, UnknownReason.NO_SUCH_PERSON) for name, fault in ABSENT.items()},
    **{name: (fault, UnknownReason.UNREADABLE) for name, fault in UNREADABLE.items()},
}


@pytest.mark.parametrize(("fault", "why"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_an_unknown_user_is_not_cached(
    slack: Slack, client: AsyncWebClient, hours: ManualClock, fault: Fault, why: UnknownReason
) -> None:
    olivia = slack.add_user("olivia", is_admin=True)
    people = Users(client, frozenset(), hours)
    slack.faults.always("users.info", fault)

    assert await people.look_up(olivia.id, OURS) is why
    assert await people.look_up(olivia.id, OURS, check_groups=True, fresh=True) is why
    slack.faults.clear()
    assert await people.look_up(olivia.id, OURS) == Person(olivia.id, is_admin=True)


@pytest.mark.parametrize("fault", [*UNREACHABLE.values(), *FORBIDDEN.values()], ids=[*UNREACHABLE, *FORBIDDEN])
async def test_a_cached_user_serves_for_a_day_while_slack_is_unreachable(
    slack: Slack, client: AsyncWebClient, hours: ManualClock, fault: Fault
) -> None:
    gia = slack.add_user("gia", is_restricted=True)
    people = Users(client, frozenset(), hours)
    await people.look_up(gia.id, OURS)
    slack.faults.always("users.info", fault)

    for seconds in (CACHE_SECONDS, STALE_SECONDS - CACHE_SECONDS - 1):
        hours.now += seconds
        assert await people.look_up(gia.id, OURS) == Person(gia.id, is_guest=True, is_stale=True), "it is never better"
    hours.now += 1
    assert isinstance(await people.look_up(gia.id, OURS), UnknownReason)


@pytest.mark.parametrize("fault", [*ABSENT.values(), *UNREADABLE.values()], ids=[*ABSENT, *UNREADABLE])
async def test_a_response_without_a_member_clears_the_cache_entry(
    slack: Slack, client: AsyncWebClient, hours: ManualClock, fault: Fault
) -> None:
    milo = slack.add_user("milo")
    people = Users(client, frozenset(), hours)
    await people.look_up(milo.id, OURS)
    hours.now += CACHE_SECONDS
    slack.faults.add("users.info", fault, *UNREACHABLE.values())

    assert isinstance(await people.look_up(milo.id, OURS), UnknownReason)
    assert await people.look_up(milo.id, OURS) is UnknownReason.UNREACHABLE


async def test_an_operator_is_read_again_and_a_stale_entry_is_marked(
    slack: Slack, client: AsyncWebClient, hours: ManualClock
) -> None:
    olivia = slack.add_user("olivia", is_admin=True)
    people = Users(client, frozenset(), hours)
    await people.look_up(olivia.id, OURS)
    olivia.is_admin = False

    assert await people.look_up(olivia.id, OURS, check_groups=True) == Person(olivia.id, is_admin=True)
    assert await people.look_up(olivia.id, OURS, check_groups=True, fresh=True) == Person(olivia.id)
    slack.faults.always("users.info", Fault("drop"))
    assert await people.look_up(olivia.id, OURS, check_groups=True, fresh=True) == Person(olivia.id, is_stale=True)
    assert await people.look_up(olivia.id, OURS) == Person(olivia.id)


async def test_the_cache_is_bounded_and_drops_the_oldest_first(
    slack: Slack, client: AsyncWebClient, hours: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.directory.users._MAX_CACHED", 2)
    people = Users(client, frozenset(), hours)
    first, second, third = (slack.add_user(name) for name in ("first", "second", "third"))
    for person in (first, second, third):
        await people.look_up(person.id, OURS)
    slack.faults.always("users.info", Fault("drop"))

    assert await people.look_up(third.id, OURS) == Person(third.id)
    assert await people.look_up(second.id, OURS) == Person(second.id)
    assert await people.look_up(first.id, OURS) is UnknownReason.UNREACHABLE
