"""Who somebody is: whatever Slack answers, only a member who is known as one reads or changes anything."""

from typing import Any

import pytest

from bot.blocks.home import REFRESH_HOME
from bot.listeners.shortcuts import TRACK_FROM_MESSAGE
from bot.sandbox.faults import Fault
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import TEAM
from tests.world import World

HOME = "T0HOME2"
OF_GRID = {"enterprise_id": "E0GRID", "teams": [TEAM, HOME]}
INFO = "users.info"


def answer(body: Any) -> Fault:
    return Fault("answer", status=200, body=body)


def error(word: str) -> Fault:
    return answer({"ok": False, "error": word})


ANSWERS = {
    "a rate limit": Fault(
        "answer", status=429, headers={"Retry-After": "30"}, body={"ok": False, "error": "ratelimited"}
    ),
    "user_not_found": error("user_not_found"),
    "user_not_visible": error("user_not_visible"),
    "null": answer({"ok": True, "user": None}),
    "an empty object": answer({"ok": True, "user": {}}),
    "no flags": answer({"ok": True, "user": {"team_id": TEAM}}),
    "missing_scope": error("missing_scope"),
}


@pytest.mark.parametrize("fault", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("who", ["gia", "sam"])
async def test_who_was_refused_stays_refused_whatever_slack_answers_later(world: World, who: str, fault: Fault) -> None:
    job = world.api.add_job(status="running", metadata={"team": "search"})
    person: SandboxUser = getattr(world, who)

    async with world.bot() as bot:
        await world.say(f"track {job}")
        await world.say("about", by=who)
        world.skip(301)
        world.slack.faults.always(INFO, fault)
        verbs = (f"status {job}", "list", "subscribe", "untrack all", "mute all 7d", f"track {job} me", f"cancel {job}")
        answers = [await world.say(verb, by=who) for verb in verbs]
        seen = len(world.slack.request_log.for_endpoint("views.publish"))
        await person.open_home()
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint("views.publish")) > seen, why="a Home tab"
        )
        assert len(await bot.store.channels.tracks.in_channel(world.ml.id)) == 1
        assert await bot.store.channels.subscriptions.in_channel(world.ml.id) == []
        assert await bot.store.channels.mutes.in_channel(world.ml.id) == []

    shown = [*(each.plain_text for each in answers), world.slack.homes[person.id].plain_text]
    for words in ("running", "search", "Tracking", "subscribed", "untracked", "muted", "In progress", "API OK"):
        assert not [text for text in shown if words in text], words
    assert len(world.ml.messages) == 1
    assert world.actions == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ANSWERS["a rate limit"], "Try again in a minute"),
        (ANSWERS["user_not_found"], "only members can use ftjob"),
        (ANSWERS["an empty object"], "Try again in a minute"),
        (ANSWERS["missing_scope"], "`ftjob check`"),
    ],
    ids=["429", "no such person", "empty", "missing scope"],
)
async def test_of_whom_nothing_is_known_is_told_why_and_what_to_do_in_commands_and_home(
    world: World, fault: Fault, said: str
) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        world.slack.faults.always(INFO, fault)
        refused = await world.say(f"status {job}", by="milo")
        await world.milo.open_home()
        await world.slack.request_log.wait_until(lambda: world.milo.id in world.slack.homes, why="a Home tab")
        home = world.slack.homes[world.milo.id]
        shown_home, has_refresh = home.plain_text, REFRESH_HOME in home.buttons
        helped = await world.say("help", by="milo")
        world.slack.faults.clear()
        shown = await world.say(f"status {job}", by="milo")
        if has_refresh:
            await world.milo.click(home, REFRESH_HOME)
            await world.slack.request_log.wait_until(
                lambda: job in world.slack.homes[world.milo.id].plain_text, why="a Home tab"
            )

    assert said in refused.plain_text
    assert ("/ftjob status" in helped.plain_text) is ("only members" not in said), "none of ours gets no help either"
    assert job not in shown_home
    assert has_refresh is ("again" in said or "check" in said)
    assert "running" in shown.plain_text


async def test_before_slack_said_which_workspace_is_ours_nobody_is_answered_but_with_help(world: World) -> None:
    job = world.api.add_job(status="running")
    world.slack.faults.always("auth.test", error("internal_error"))
    settings = world.settings()

    async with world.starting(settings):
        read = await world.say(f"status {job}", by="milo")
        ordered = await world.say(f"cancel {job}")
        helped = await world.say("help", by="milo")
        await world.milo.open_home()
        await world.slack.request_log.wait_until(lambda: world.milo.id in world.slack.homes, why="a Home tab")
        home = world.slack.homes[world.milo.id].plain_text
        world.slack.faults.clear()

    for text in (read.plain_text, ordered.plain_text, home):
        assert "still starting" in text
        assert "running" not in text
    assert "/ftjob status" in helped.plain_text
    assert world.slack.request_log.for_endpoint(INFO) == []


def join_grid(world: World, person: SandboxUser, *, named: str, teams: list[str]) -> None:
    """Let our workspace and a person belong to an Enterprise Grid; ``named`` is the team that payloads name."""
    world.slack.workspace.enterprise_id = "E0GRID"
    person.enterprise = {"id": person.id, "enterprise_id": "E0GRID", "teams": teams}
    person.team_id = named


@pytest.mark.parametrize("named", [HOME, "E0GRID", TEAM], ids=["another workspace", "the organization", "ours"])
async def test_a_member_of_ours_and_of_another_workspace_is_answered_however_slack_names_their_team(
    world: World, named: str
) -> None:
    job, other = (world.api.add_job(status="running") for _ in range(2))
    join_grid(world, world.milo, named=named, teams=[TEAM, HOME])

    async with world.bot():
        card = await world.say(f"status {job}", by="milo")
        pressed = await world.press(card, "ftjob_refresh", by="milo")
        said = world.olivia.post(f"see {other}", world.ml)
        tracked = await (await world.milo.shortcut(TRACK_FROM_MESSAGE, said)).reply()
        await world.milo.open_home()
        await world.slack.request_log.wait_until(lambda: world.milo.id in world.slack.homes, why="a Home tab")
        await world.milo.click(world.slack.homes[world.milo.id], REFRESH_HOME)
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint("views.publish")) == 2, why="a second one"
        )

    assert "running" in card.plain_text
    assert "running" in pressed.plain_text
    assert "Tracking" in tracked.plain_text
    assert "In progress" in world.slack.homes[world.milo.id].plain_text


async def test_where_slack_names_another_workspace_in_a_button_alone_its_answer_about_the_person_counts(
    world: World,
) -> None:
    job = world.api.add_job(status="running")
    world.slack.workspace.enterprise_id = "E0GRID"
    flags = dict.fromkeys(("deleted", "is_bot", "is_restricted", "is_ultra_restricted"), False)
    user = {"id": world.milo.id, "team_id": TEAM, "enterprise_user": {"id": world.milo.id, **OF_GRID}, **flags}
    world.slack.faults.always(INFO, answer({"ok": True, "user": user}))

    async with world.bot():
        card = await world.say(f"status {job}", by="milo")
        world.milo.team_id = HOME
        pressed = await world.press(card, "ftjob_refresh", by="milo")

    assert "running" in pressed.plain_text


@pytest.mark.parametrize("named", [TEAM, HOME], ids=["payloads name ours", "payloads name theirs"])
async def test_a_member_of_another_workspace_of_the_organization_alone_is_an_external_user(
    world: World, named: str
) -> None:
    job = world.api.add_job(status="running")
    join_grid(world, world.milo, named=named, teams=[HOME])

    async with world.bot():
        card = await world.say(f"status {job}")
        refused = await world.say(f"status {job}", by="milo")
        pressed = await world.press(card, "ftjob_refresh", by="milo")

    assert "members of this workspace" in refused.plain_text
    assert "members of this workspace" in pressed.plain_text


@pytest.mark.parametrize("verb", ["audit", "outbox"])
@pytest.mark.parametrize("now", ["a member", "a guest", "deactivated"])
async def test_what_operators_alone_may_see_is_decided_by_slacks_word_of_this_moment(
    world: World, verb: str, now: str
) -> None:
    async with world.bot():
        before = await world.say(verb)
        world.olivia.is_admin = False
        world.olivia.is_restricted, world.olivia.deleted = now == "a guest", now == "deactivated"
        after = await world.say(verb)

    assert "Only operators" not in before.plain_text
    said = {"a member": "Only operators can do this", "a guest": "Guests", "deactivated": "Bots can't use ftjob"}[now]
    assert said in after.plain_text


async def test_what_operators_alone_may_see_is_not_shown_while_slack_cannot_be_asked(world: World) -> None:
    async with world.bot():
        await world.say("audit")
        world.slack.faults.always(INFO, error("fatal_error"))
        refused = [await world.say(verb) for verb in ("audit", "outbox")]

    assert all("couldn't reach Slack" in each.plain_text for each in refused)


async def test_a_clock_that_steps_neither_prolongs_nor_ends_what_is_known_of_somebody(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"status {job}", by="milo")
        for seconds in (86_400.0, -2 * 86_400.0):
            world.step(seconds)
            await world.say(f"status {job}", by="milo")
        assert len(world.slack.request_log.for_endpoint(INFO)) == 1
        world.milo.is_restricted = True
        world.skip(301)
        refused = await world.say(f"status {job}", by="milo")

    assert "Guests" in refused.plain_text


async def test_one_bad_group_of_operators_does_not_keep_the_others_from_working(world: World) -> None:
    group = world.slack.add_usergroup("trainers", [world.milo])
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS=f"S0000GONE {group}"):
        question = await world.say(f"cancel {job}", by="milo")
        nina = world.slack.add_user("nina")
        refused = await (await nina.command(f"cancel {job}", world.ml)).reply()

    assert "ftjob_confirm" in question.buttons
    assert "Only operators can do this" in refused.plain_text
