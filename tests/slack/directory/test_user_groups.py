"""The operators' user groups: how often Slack is asked, and what a group that is no good does to the others."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import TEAM
from bot.slack.directory.members import Person, Workspace
from bot.slack.directory.user_groups import CACHE_SECONDS
from bot.slack.directory.users import Users

OURS = Workspace(TEAM)
ASK = "usergroups.users.list"


class ManualClock:
    """Time that stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def client(slack: Slack) -> AsyncIterator[AsyncWebClient]:
    async with ClientSession() as session:
        yield AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])


def error(word: str) -> Fault:
    return Fault("answer", status=200, body={"ok": False, "error": word})


async def test_a_member_of_an_operators_group_is_an_operator_and_other_groups_are_not_read(
    slack: Slack, client: AsyncWebClient
) -> None:
    milo, mia = slack.add_user("milo"), slack.add_user("mia")
    group, other = slack.add_usergroup("mlops", [milo]), slack.add_usergroup("sales", [milo, mia])
    people = Users(client, frozenset({group, "U0ELSE"}), ManualClock())

    assert await people.look_up(milo.id, OURS, check_groups=True) == Person(milo.id, groups=frozenset({group}))
    assert await people.look_up(mia.id, OURS, check_groups=True) == Person(mia.id)
    assert other not in str([entry.request for entry in slack.request_log])


async def test_twenty_five_readers_cost_no_request_for_groups(slack: Slack, client: AsyncWebClient) -> None:
    readers = [slack.add_user(f"reader{n}") for n in range(25)]
    groups = [slack.add_usergroup(name, readers) for name in ("mlops", "trainers")]
    people = Users(client, frozenset(groups), ManualClock())

    for reader in readers:
        assert await people.look_up(reader.id, OURS) == Person(reader.id)

    assert slack.request_log.for_endpoint(ASK) == []


async def test_a_group_is_read_once_for_everyone_and_five_minutes(slack: Slack, client: AsyncWebClient) -> None:
    members = [slack.add_user(f"member{n}") for n in range(25)]
    group, hours = slack.add_usergroup("mlops", members[:1]), ManualClock()
    people = Users(client, frozenset({group}), hours)

    for member in members:
        await people.look_up(member.id, OURS, check_groups=True)
    hours.now += CACHE_SECONDS - 1
    await people.look_up(members[0].id, OURS, check_groups=True)
    assert len(slack.request_log.for_endpoint(ASK)) == 1

    hours.now += 1
    await people.look_up(members[0].id, OURS, check_groups=True)
    assert len(slack.request_log.for_endpoint(ASK)) == 2


async def test_an_action_reads_the_group_again_and_concurrent_actions_share_the_read(
    slack: Slack, client: AsyncWebClient
) -> None:
    milo, others = slack.add_user("milo"), [slack.add_user(f"other{n}") for n in range(9)]
    group = slack.add_usergroup("mlops", [milo, *others])
    people = Users(client, frozenset({group}), ManualClock())
    await people.look_up(milo.id, OURS, check_groups=True)
    slack.workspace.usergroups[group].remove(milo.id)

    assert await people.look_up(milo.id, OURS, check_groups=True, fresh=True) == Person(milo.id)
    asked = len(slack.request_log.for_endpoint(ASK))
    slack.faults.add(ASK, Fault("late", seconds=0.5))
    found = await asyncio.gather(*(people.look_up(each.id, OURS, check_groups=True, fresh=True) for each in others))

    assert found == [Person(each.id, groups=frozenset({group})) for each in others]
    assert len(slack.request_log.for_endpoint(ASK)) == asked + 1


@pytest.mark.parametrize("word", ["no_such_subteam", "plan_upgrade_required", "permission_denied", "missing_scope"])
async def test_a_bad_group_is_logged_once_and_the_others_still_work(
    slack: Slack,
    client: AsyncWebClient,
    word: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    milo, mia = slack.add_user("milo"), slack.add_user("mia")
    good = slack.add_usergroup("mlops", [milo])
    slack.faults.always(ASK, error(word))
    people = Users(client, frozenset({"S0000BAD"}), ManualClock())
    for _ in range(3):
        assert await people.look_up(mia.id, OURS, check_groups=True, fresh=True) == Person(mia.id), (
            "she is known not to be one"
        )
    said = capsys.readouterr().out + caplog.text
    assert said.count("user_groups.unusable") == 1
    assert "S0000BAD" in said

    slack.faults.clear()
    both = Users(client, frozenset({"S0000BAD", good}), ManualClock())
    assert await both.look_up(milo.id, OURS, check_groups=True) == Person(milo.id, groups=frozenset({good}))
    assert await both.look_up(mia.id, OURS, check_groups=True) == Person(mia.id)


async def test_a_disabled_group_makes_no_one_an_operator(slack: Slack, client: AsyncWebClient) -> None:
    milo = slack.add_user("milo")
    group = slack.add_usergroup("mlops", [milo])
    slack.workspace.disabled_usergroups.add(group)

    assert await Users(client, frozenset({group}), ManualClock()).look_up(milo.id, OURS, check_groups=True) == Person(
        milo.id
    )


@pytest.mark.parametrize(
    "fault",
    [
        error("ratelimited"),
        error("fatal_error"),
        Fault("drop"),
        Fault("answer", status=200, body={"ok": True}),
        Fault("answer", status=200, body={"ok": True, "users": "U0MILO"}),
    ],
    ids=["429", "fatal", "drop", "no users", "a text"],
)
async def test_the_members_of_an_unreadable_group_are_unknown(
    slack: Slack, client: AsyncWebClient, fault: Fault
) -> None:
    milo = slack.add_user("milo")
    good = slack.add_usergroup("mlops", [milo])
    people = Users(client, frozenset({good}), ManualClock())
    slack.faults.always(ASK, fault)

    assert await people.look_up(milo.id, OURS, check_groups=True) == Person(milo.id, groups_unknown=True)
    slack.faults.clear()
    assert await people.look_up(milo.id, OURS, check_groups=True) == Person(milo.id, groups=frozenset({good}))


@pytest.mark.parametrize("who", ["an admin", "a guest", "a stranger", "a bot", "a named operator"])
async def test_groups_are_not_read_for_users_whom_they_could_not_permit_anything(
    slack: Slack, client: AsyncWebClient, who: str
) -> None:
    someone = slack.add_user("someone", team_id="T0STRANGER" if who == "a stranger" else TEAM)
    someone.is_admin, someone.is_restricted = who == "an admin", who == "a guest"
    someone.is_bot = who == "a bot"
    operators = frozenset({"S0GONE", someone.id} if who == "a named operator" else {"S0GONE"})

    assert isinstance(
        await Users(client, operators, ManualClock()).look_up(someone.id, OURS, check_groups=True, fresh=True), Person
    )
    assert slack.request_log.for_endpoint(ASK) == []
