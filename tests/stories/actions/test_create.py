"""A job is created by a form: once, by operators alone, tracked where it was asked for, found again where no answer came."""

import copy
from typing import Any

import pytest

from bot.jobs.actions import Decision
from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import JOBS_READ, JOBS_WRITE, ApiKey
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import OpenView
from bot.sandbox.slack.users import SandboxUser
from tests.canaries import KEY, WRITE_KEY
from tests.stories.actions.test_audit import entries
from tests.world import World

POST = "POST /fine_tuning/jobs"
MODEL = "gpt-4o-mini-2024-07-18"


async def opened(world: World, *, by: str = "olivia") -> OpenView:
    """Let somebody ask for the form and return its window, once it shows something."""
    person: SandboxUser = getattr(world, by)
    exchange = await person.command("create", world.ml)
    assert exchange.acked, exchange.error
    window = await exchange.modal()
    await shows(world, window, "", but="Loading")
    return window


async def shows(world: World, window: OpenView, text: str, *, but: str = "Creating") -> None:
    await world.slack.request_log.wait_until(
        lambda: text in window.plain_text and but not in window.plain_text,
        why=f"{text!r} in {window.plain_text}",
    )


def filled(world: World, **fields: str) -> dict[str, str]:
    return {"model": MODEL, "training_file": world.api.training_file, **fields}


def created(world: World) -> list[dict[str, Any]]:
    """Return the body of every creation that reached the API."""
    return [entry.request["body"] for entry in world.api.request_log.for_endpoint(POST)]


async def test_an_operator_creates_a_job_and_its_card_is_posted_where_it_was_requested(any_world: World) -> None:
    world = any_world
    newer = world.api.add_file(b"x" * 1_234_567, filename="newer.jsonl")
    world.api.add_file(b"x", filename="results.csv", purpose="fine-tune-results")

    async with world.bot() as bot:
        window = await opened(world)
        choices = next(block for block in window.blocks if block.get("block_id") == "training_file")
        options = choices["element"]["options"]
        submitted = filled(
            world,
            validation_file=world.api.validation_file,
            suffix="search",
            seed="7",
            method="dpo",
            n_epochs="3",
            beta="0.1",
            batch_size="auto",
            metadata="team=search\nnote=<!channel> a=b",
        )
        exchange = await world.olivia.submit(window, submitted)
        assert exchange.acked
        assert "Creating" in str(exchange.ack_body)
        await shows(world, window, "Tracking")
        (job,) = world.api.jobs
        rows = await entries(bot)

    assert options[0]["value"] == newer
    assert "newer.jsonl · 1.2 MB" in options[0]["text"]["text"]
    assert "results.csv" not in str(options)
    (body,) = created(world)
    request = body["metadata"].pop("ftjob_request")
    assert body == {
        "model": MODEL,
        "training_file": world.api.training_file,
        "validation_file": world.api.validation_file,
        "suffix": "search",
        "seed": 7,
        "method": {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 3, "beta": 0.1}}},
        "metadata": {"team": "search", "note": "<!channel> a=b", "slack_user": world.olivia.id},
    }
    assert "Created *search*" in window.plain_text
    (card,) = world.messages_about(job)
    assert f"<@{world.olivia.id}>" in card.plain_text, "Your user ID is added"
    assert "<!channel>" not in card.plain_text
    assert world.ops.messages == []
    assert exchange.replies == [], "all was said in the window"
    assert [(row.decision, row.source, row.job_id) for row in rows] == [
        (Decision.PROMPTED, "command", None),
        (Decision.SUBMITTED, "modal", request),
        (Decision.DONE, "modal", job),
    ]


@pytest.mark.parametrize(
    ("who", "said"),
    [("milo", "Only operators can do this"), ("gia", "Guests"), ("sam", "Only members of this workspace")],
)
async def test_nobody_but_an_operator_sees_the_form(world: World, who: str, said: str) -> None:
    async with world.bot():
        window = await opened(world, by=who)

    assert said in window.plain_text
    assert "submit" not in window.body
    assert world.api.request_log.for_endpoint("GET /files") == [], "not even a look at the files"
    assert world.actions == []


@pytest.mark.parametrize("who", ["milo", "gia", "sam"])
async def test_who_may_not_create_is_refused_once_and_without_a_window_once_they_are_known(
    world: World, who: str
) -> None:
    async with world.bot() as bot:
        window = await opened(world, by=who)
        await world.until_quiet(bot)
        assert world.slack.ephemerals == [], "the window said it"
        await getattr(world, who).close(window)
        windows = len(world.slack.workspace.views)
        answer = await world.say("create", by=who)
        await world.until_quiet(bot)

    assert answer.ephemeral
    assert len(world.slack.ephemerals) == 1
    assert len(world.slack.workspace.views) == windows, "and no window beside it"


async def test_where_actions_are_switched_off_nobody_gets_a_window_for_a_form(world: World) -> None:
    async with world.bot(FTJOB_READ_ONLY="1"):
        answer = await world.say("create")

    assert "FTJOB_READ_ONLY" in answer.plain_text
    assert len(world.slack.ephemerals) == 1
    assert world.slack.workspace.views == {}


async def test_a_member_of_an_operators_group_gets_the_form_also_when_they_are_known(world: World) -> None:
    group = world.slack.add_usergroup("trainers", [world.milo])
    async with world.bot(FTJOB_OPERATORS=group):
        await world.say("list", by="milo")
        window = await opened(world, by="milo")

    assert window.callback_id == "ftjob_create"


async def test_the_window_is_opened_before_slack_is_asked_who_that_is(world: World) -> None:
    async with world.bot():
        world.slack.faults.add("users.info", Fault("late", seconds=3.5))
        window = await opened(world)

    assert window.callback_id == "ftjob_create", "its trigger was good for three seconds"


async def test_who_lost_the_right_may_not_hand_the_form_in(world: World) -> None:
    async with world.bot(FTJOB_READ_ONLY="1"):
        refused = await world.say("create")
        assert "FTJOB_READ_ONLY" in refused.plain_text
    async with world.bot() as bot:
        window = await opened(world)
        world.olivia.is_admin = False
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "Only operators can do this")
        rows = await entries(bot)

    assert world.actions == []
    assert rows[-1].decision is Decision.DENIED


async def test_what_does_not_fit_is_said_at_its_field_and_sent_nowhere(world: World) -> None:
    async with world.bot():
        window = await opened(world)
        pairs = "\n".join(f"k{n}=v" for n in range(15))
        wrong = filled(world, seed="-1", n_epochs="51", beta="0.5", metadata=pairs, suffix="xoxb-1234567890-abcdef")
        exchange = await world.olivia.submit(window, wrong)
        assert exchange.ack_body["response_action"] == "errors"
        assert set(window.errors) == {"seed", "n_epochs", "beta", "metadata", "suffix"}
        assert "Use up to 14 pairs" in window.errors["metadata"]
        assert "xoxb" not in str(exchange.ack_body)
        assert world.actions == []
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "Tracking")

    assert len(created(world)) == 1


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("suffix", "sea\u202erch", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("suffix", "sea\x00rch", "U+0000"),
        ("metadata", "team=sea\u2066rch", "U+2066 LEFT-TO-RIGHT ISOLATE"),
    ],
)
async def test_what_cannot_be_seen_in_a_form_reaches_no_api(world: World, field: str, text: str, said: str) -> None:
    async with world.bot():
        window = await opened(world)
        await world.olivia.submit(window, filled(world, **{field: text}))
        assert said in window.errors[field]
        assert world.actions == []
        await world.olivia.submit(window, filled(world, **{field: text.replace("sea", "\u201csea") + "\u201d"}))
        assert said in window.errors[field]
        await world.olivia.submit(
            window, filled(world, suffix=" \u201csearch\u201d\u200b ", metadata="'team' = \"big vision\"")
        )
        await shows(world, window, "Tracking")

    [body] = created(world)
    assert body["suffix"] == "search"
    assert body["metadata"]["team"] == "big vision"


async def test_what_the_api_refuses_is_shown_above_the_form_with_all_that_was_filled_in(world: World) -> None:
    async with world.bot() as bot:
        window = await opened(world)
        typed = {"suffix": "search", "n_epochs": "4", "metadata": "team=search", "learning_rate_multiplier": "0.1"}
        await world.olivia.submit(window, filled(world, **typed, model="gpt-2"))
        await shows(world, window, "The API rejected the create request: Model gpt-2 is not available")
        held = {
            block["block_id"]: block["element"].get("initial_value") or block["element"].get("initial_option")
            for block in window.blocks
            if block["type"] == "input"
        }
        assert {name: held[name] for name in typed} == typed
        assert held["model"] == "gpt-2"
        assert held["training_file"]["value"] == world.api.training_file
        await world.olivia.submit(window, {"model": MODEL})
        await shows(world, window, "Tracking")
        rows = await entries(bot)

    assert [row.decision for row in rows] == ["asked", "ordered", "refused", "ordered", "done"]
    assert len(world.api.jobs) == 1


async def test_an_api_that_takes_no_new_jobs_is_explained(world: World) -> None:
    world.api.stop_accepting_jobs()

    async with world.bot(FTJOB_OPS_CHANNEL=world.ops.id) as bot:
        window = await opened(world)
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "OpenAI is shutting down fine-tuning")
        await world.until_quiet(bot)

    assert "January 6, 2027" in window.plain_text
    assert world.ops.messages == [], "the key is not at fault"
    assert world.api.jobs == {}


async def test_a_job_whose_creation_got_no_answer_is_found_by_reading(world: World) -> None:
    async with world.bot() as bot:
        window = await opened(world)
        world.api.faults.add(POST, Fault("drop", accepted=True))
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "Tracking")
        rows = await entries(bot)

    (job,) = world.api.jobs
    assert job in window.plain_text
    assert len(created(world)) == 1
    assert (rows[-1].decision, rows[-1].job_id) == (Decision.DONE, job)
    assert len(world.messages_about(job)) == 1


async def test_a_creation_that_never_arrived_is_given_up_after_a_minute_and_not_sent_again(world: World) -> None:
    async with world.bot() as bot:
        window = await opened(world)
        world.api.faults.add(POST, Fault("drop"))
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "didn't confirm that the job was created")
        world.skip(61)
        private = world.slack.direct_message(world.olivia)
        await world.slack.request_log.wait_until(lambda: private.messages, why="a word to Olivia", seconds=300)
        rows = await entries(bot)

    assert "Job creation not confirmed" in private.messages[0].plain_text
    assert rows[-1].decision is Decision.UNKNOWN
    assert len(created(world)) == 1
    assert world.api.jobs == {}


async def test_a_form_that_is_handed_in_twice_creates_one_job(world: World) -> None:
    async with world.bot() as bot:
        window = await opened(world)
        still_seen = copy.deepcopy(window)
        world.api.faults.add(POST, Fault("late", seconds=0.5))
        first = await world.olivia.submit(window, filled(world))
        await world.slack.request_log.wait_until(lambda: created(world), why="the order")
        window.body = still_seen.body
        await world.olivia.submit(window, filled(world))
        await world.slack.request_log.wait_until(
            lambda: world.messages_about(next(iter(world.api.jobs), "none")), why="the card"
        )
        assert (await world.olivia.user_actions.replay(first)).acked
        await world.until_quiet(bot)
        rows = await entries(bot)

    assert len(created(world)) == 1
    assert sorted(row.decision for row in rows) == ["asked", "done", "duplicate", "ordered"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_finished_form_that_is_submitted_again_from_another_tab_says_so_and_creates_nothing(
    world: World, *, restarted: bool
) -> None:
    async with world.bot():
        window = await opened(world)
        other_tab = copy.deepcopy(window.body)
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "Tracking")
        if not restarted:
            await _submitted_again(world, window, other_tab)
    if restarted:
        async with world.bot():
            await _submitted_again(world, window, other_tab)

    (job,) = world.api.jobs
    assert job in window.plain_text
    assert "went wrong" not in window.plain_text
    assert len(created(world)) == 1


async def test_a_form_that_the_api_refused_is_not_sent_again_from_another_tab(world: World) -> None:
    async with world.bot() as bot:
        window = await opened(world)
        other_tab = copy.deepcopy(window.body)
        await world.olivia.submit(window, filled(world, model="gpt-2"))
        await shows(world, window, "The API rejected the create request")
        await _submitted_again(world, window, other_tab)
        rows = await entries(bot)

    assert "Model gpt-2 is not available" in window.plain_text
    assert [row.decision for row in rows] == ["asked", "ordered", "refused", "duplicate"]
    assert len(created(world)) == 1


async def _submitted_again(world: World, window: OpenView, body: dict[str, Any]) -> None:
    """Submit a form as another tab still shows it."""
    window.body = copy.deepcopy(body)
    exchange = await world.olivia.submit(window, filled(world))
    assert exchange.acked, exchange.error
    await shows(world, window, "This form was already submitted, so nothing was sent again.")


async def test_an_edited_form_opens_nothing(world: World) -> None:
    async with world.bot() as bot:
        window = await opened(world)
        key, channel = window.private_metadata.split(" ")
        for private in (f"{key} {world.ops.id}", f"x{key} {channel}", key, "", "{}", f"{key} <!channel>"):
            body = copy.deepcopy(window.body)
            form = OpenView(window.id, window.user, {**body, "private_metadata": private}, window.hash, window.root_id)
            exchange = await world.olivia.submit(form, filled(world))
            assert exchange.acked
            await shows(world, window, "This form isn't yours")
            window.body = body
        too_long = await _forged(world, window, "suffix", "s" * 4000)
        assert too_long.ack_body == {"response_action": "errors", "errors": {"suffix": "Use up to 64 characters."}}
        rows = await entries(bot)

    assert world.actions == []
    assert [row.decision for row in rows] == [Decision.PROMPTED] + [Decision.TAMPERED] * 6
    assert world.ops.messages == []


async def _forged(world: World, window: OpenView, field: str, value: str) -> UserInteraction:
    """Hand in what Slack would not have let through."""
    blocks = [block for block in window.body["blocks"] if block.get("block_id") != field]
    element = {"type": "plain_text_input", "action_id": field, "initial_value": value, "max_length": 5000}
    plain = {"type": "plain_text", "text": field}
    blocks.append({"type": "input", "block_id": field, "label": plain, "element": element})
    window.body = {**window.body, "blocks": blocks}
    return await world.olivia.submit(window, filled(world))


async def test_another_person_cannot_hand_in_somebody_elses_form(world: World) -> None:
    otto = world.slack.add_user("otto", is_admin=True)
    async with world.bot():
        window = await opened(world)
        theirs = OpenView("V0OTTO", otto.id, copy.deepcopy(window.body), window.hash, "V0OTTO")
        world.slack.workspace.views["V0OTTO"] = theirs
        await otto.submit(theirs, filled(world))
        await shows(world, theirs, "This form isn't yours")

    assert world.actions == []


async def test_a_form_of_more_than_an_hour_is_shown_again_as_it_was_filled_in(world: World) -> None:
    async with world.bot():
        window = await opened(world)
        world.skip(3601)
        await world.olivia.submit(window, filled(world, suffix="search"))
        await shows(world, window, "This form expired")
        assert world.actions == []
        await world.olivia.submit(window, {})
        await shows(world, window, "Tracking")

    assert created(world)[0]["suffix"] == "search"


async def test_where_slack_opens_no_window_somebody_is_told_to_type_it_again(world: World) -> None:
    refusal = {"ok": False, "error": "expired_trigger_id"}
    async with world.bot():
        world.slack.faults.add("views.open", Fault("answer", status=200, body=refusal))
        answer = await world.say("create")

    assert "Run `/ftjob create` again" in answer.plain_text
    assert answer.ephemeral
    assert [entry.endpoint for entry in world.slack.request_log].count("views.open") == 1


async def test_a_key_that_may_not_read_files_and_too_many_of_them_let_an_id_be_typed(world: World) -> None:
    world.api.keys[KEY] = ApiKey("narrow", frozenset({JOBS_READ, JOBS_WRITE}))
    async with world.bot():
        window = await opened(world)
        assert "Enter the ID of a file" in window.plain_text
        refused = await world.olivia.submit(window, filled(world, training_file="training.jsonl"))
        assert "training_file" in refused.ack_body["errors"]
        world.api.keys[KEY] = ApiKey("default")
        for _ in range(99):
            world.api.add_file(b"x")
        window = await opened(world)
        assert "Enter the ID of a file" in window.plain_text
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "Tracking")

    assert len(created(world)) == 1


REVOKED = Fault(
    "answer",
    status=401,
    body={
        "error": {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}
    },
)
CAUSES = {
    "key refused": (REVOKED, "The API rejected ftjob's key: Incorrect API key provided."),
    "down": (Fault("answer", status=503, body="<html>down</html>"), "The API isn't responding properly"),
    "cut": (Fault("drop"), "The API isn't responding properly"),
    "account closed": (
        Fault(
            "answer",
            status=403,
            body={"error": {"message": "Your account was deactivated.", "code": "account_deactivated"}},
        ),
        "Your account was deactivated.",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
async def test_a_form_that_could_not_be_sent_is_not_shown_and_the_true_cause_is(world: World, cause: str) -> None:
    fault, said = CAUSES[cause]
    async with world.bot(FTJOB_POLL_SECONDS="3600"):
        world.api.faults.always("*", fault)
        window = await opened(world)
        world.api.faults.clear()
        assert said in window.plain_text
        assert "submit" not in window.body
        assert [block for block in window.blocks if block["type"] == "input"] == []
        assert world.slack.ephemerals == [], "it is told once"
        again = await opened(world)

    assert again.body["callback_id"] == "ftjob_create"
    assert world.actions == []


async def test_a_revoked_write_key_is_reported_before_a_form_is_filled_in(world: World) -> None:
    del world.api.keys[WRITE_KEY]
    async with world.bot():
        window = await opened(world)

    assert "The API rejected ftjob's key" in window.plain_text
    assert "submit" not in window.body


async def test_files_alone_that_cannot_be_read_keep_nobody_from_creating_a_job(world: World) -> None:
    async with world.bot():
        world.api.faults.always("GET /files", Fault("answer", status=404, body={}))
        window = await opened(world)
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "Tracking")

    assert len(created(world)) == 1


async def test_without_a_file_to_train_on_the_form_says_what_to_do(world: World) -> None:
    world.api.files.clear()
    async with world.bot():
        window = await opened(world)

    assert "Upload one with the purpose" in window.plain_text
    assert "submit" not in window.body


async def test_a_window_that_was_closed_meanwhile_leaves_the_answer_to_that_person_alone(world: World) -> None:
    async with world.bot():
        window = await opened(world)
        world.api.faults.add(POST, Fault("late", seconds=0.5))
        exchange = await world.olivia.submit(window, filled(world))
        await world.olivia.close(window)
        answer = await exchange.reply()

    (job,) = world.api.jobs
    assert job in answer.plain_text
    assert answer.ephemeral


async def test_a_channel_without_the_bot_gets_no_card_and_the_window_says_so(world: World) -> None:
    attic = world.slack.add_channel("attic", bot_is_member=False)
    async with world.bot():
        world.ml = attic
        window = await opened(world)
        await world.olivia.submit(window, filled(world))
        await shows(world, window, "/invite @ftjob")

    (job,) = world.api.jobs
    assert job in window.plain_text
    assert attic.messages == []
