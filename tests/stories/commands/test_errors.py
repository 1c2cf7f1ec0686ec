import pytest

from bot.sandbox.faults import Fault
from tests.world import World, cancel_request

CONFIRM = "ftjob_confirm"
SILENT = Fault("drop")
BROKEN = Fault("answer", status=500, body="oops")
PAGE = Fault("answer", status=200, headers={"Content-Type": "text/html"}, body="<html>")
TEXT = Fault("answer", status=200, body="upstream connect error")
REFUSED = Fault("answer", status=200, body={"ok": False, "error": "internal_error"})


async def test_members_may_read_and_follow(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        for asked in (f"status {job}", "list", f"track {job}", "tracked", f"untrack {job}", "subscribe", "about"):
            answer = await world.say(asked, by="milo")
            assert "Only operators" not in answer.plain_text
            assert ":warning:" not in answer.plain_text


@pytest.mark.parametrize(("who", "said"), [("gia", "Guests"), ("sam", "Only members of this workspace")])
async def test_guests_and_external_users_get_one_short_refusal_and_nothing_else(
    world: World, who: str, said: str
) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}", channel=world.ops)
        asked = len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}"))
        reads = ("help", "help track", "lst", f"statsu {job}", f"status {job}", "list", "about", "settings")
        changes = (f"track {job}", f"track {job} me", "untrack all", "subscribe", f"cancel {job}")
        answers = [await world.say(verb, by=who, channel=world.ops) for verb in (*reads, *changes)]
        assert len(await bot.store.channels.tracks.in_channel(world.ops.id)) == 1

    assert {answer.plain_text for answer in answers} == {answers[0].plain_text}
    assert said in answers[0].plain_text
    assert all(answer.ephemeral for answer in answers)
    assert len(world.api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}")) == asked
    assert world.actions == []
    assert len(world.ops.messages) == 1


@pytest.mark.parametrize("kind", ["is_restricted", "is_ultra_restricted"])
async def test_guests_who_are_allowed_read_and_change_nothing(world: World, kind: str) -> None:
    job = world.api.add_job(status="running")
    world.gia.is_restricted = False
    setattr(world.gia, kind, True)

    async with world.bot(FTJOB_ALLOW_GUESTS="1", FTJOB_OPERATORS=world.gia.id) as bot:
        await world.say(f"track {job}")
        shown = await world.say(f"status {job}", by="gia")
        listed = await world.say("list", by="gia")
        helped = await world.say("help", by="gia")
        verbs = (
            f"track {job} me",
            f"track {job} in #ops",
            "subscribe",
            "mute all 2h",
            f"curves {job}",
            f"cancel {job}",
        )
        refused = [await world.say(verb, by="gia") for verb in (*verbs, "untrack all", "outbox")]
        pressed = await world.press(world.messages_about(job)[0], "ftjob_untrack", by="gia")
        refusals = [await world.say(verb, by="sam") for verb in ("help", f"status {job}")]
        assert len(await bot.store.channels.tracks.in_channel(world.ml.id)) == 1

    assert "running" in shown.plain_text
    assert job in listed.plain_text
    assert "/ftjob status" in helped.plain_text
    assert {answer.plain_text for answer in (*refused, pressed)} == {refused[0].plain_text}
    assert "Guests can only view jobs" in refused[0].plain_text
    assert all("Only members of this workspace can use ftjob" in answer.plain_text for answer in refusals)
    assert world.actions == []
    assert world.ops.messages == world.slack.direct_message(world.gia).messages == []
    assert len(world.ml.messages) == 1


async def test_a_member_who_is_named_as_an_operator_may_cancel(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS=f"{world.milo.id}, S0OTHERS"):
        question = await world.say(f"cancel {job}", by="milo")
        answer = await world.press(question, CONFIRM, by="milo")

    assert "` was canceled." in answer.plain_text
    assert world.actions == [cancel_request(job)]


async def test_the_members_of_a_user_group_may_cancel_and_others_are_told_of_the_group(world: World) -> None:
    nina = world.slack.add_user("nina")
    group = world.slack.add_usergroup("trainers", [world.milo])
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS=group):
        question = await world.say(f"cancel {job}", by="milo")
        exchange = await nina.command(f"cancel {job}", world.ml)
        refused = await exchange.reply()
        await world.press(question, CONFIRM, by="milo")

    assert group in refused.plain_text
    assert refused.buttons == {}
    assert world.actions == [cancel_request(job)]


async def test_a_guest_in_the_operators_group_still_may_not(world: World) -> None:
    group = world.slack.add_usergroup("trainers", [world.gia, world.sam])
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS=f"{group} {world.gia.id} {world.sam.id}"):
        answers = [await world.say(f"cancel {job}", by=who) for who in ("gia", "sam")]

    assert all(answer.buttons == {} for answer in answers)
    assert world.actions == []


async def test_an_admin_may_cancel_even_where_the_user_groups_cannot_be_asked(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot(FTJOB_OPERATORS="S0DELETED"):
        question = await world.say(f"cancel {job}")
        refused = await world.say(f"cancel {job}", by="milo")

    assert CONFIRM in question.buttons
    assert CONFIRM not in refused.buttons


async def test_a_read_only_bot_offers_no_cancel_and_refuses_it_to_everybody(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
    async with world.bot(FTJOB_READ_ONLY="1"):
        await world.say(f"track {job}")
        [card] = world.ml.messages
        shown = await world.say(f"status {job}")
        refused = await world.say(f"cancel {job}")
        late = await world.press(question, CONFIRM)

    assert "ftjob_cancel" not in card.buttons
    assert "ftjob_cancel" not in shown.buttons
    assert "FTJOB_READ_ONLY" in refused.plain_text
    assert "FTJOB_READ_ONLY" in late.plain_text
    assert world.actions == []


@pytest.mark.parametrize("fault", [SILENT, BROKEN, PAGE, TEXT, REFUSED], ids="drop 500 html text refused".split())
async def test_where_slack_cannot_say_who_somebody_is_its_last_word_lets_them_read_and_no_more(
    world: World, fault: Fault
) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say("about", by="milo")
        await world.say("about")
        world.skip(301)
        world.slack.faults.always("users.info", fault)
        read = await world.say(f"status {job}", by="milo")
        changed = [
            await world.say(verb, by="milo") for verb in ("subscribe", f"track {job}", "untrack all", "mute all 7d")
        ]
        refused = await world.say(f"cancel {job}")
        elsewhere = await world.say(f"track {job} in #ops")
        world.skip(86_400)
        too_old = await world.say(f"status {job}", by="milo")
        world.slack.faults.clear()
        question = await world.say(f"cancel {job}")

    assert "running" in read.plain_text
    for answer in (*changed, refused, elsewhere, too_old):
        assert "couldn't reach Slack" in answer.plain_text
    assert CONFIRM in question.buttons, "the failure is not remembered"
    assert world.actions == []
    assert world.ops.messages == world.ml.messages == []


async def test_somebody_who_lost_their_rights_loses_them_here_within_five_minutes(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        world.olivia.is_admin = False
        world.skip(301)
        refused = await world.press(question, CONFIRM)

    assert "Only operators can do this" in refused.plain_text
    assert world.actions == []
    assert len(world.slack.request_log.for_endpoint("users.info")) == 2


async def test_who_somebody_is_is_asked_once_for_many_commands(world: World) -> None:
    async with world.bot():
        for _ in range(4):
            await world.say("about")

    assert len(world.slack.request_log.for_endpoint("users.info")) == 1
