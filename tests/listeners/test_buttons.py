from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.blocks.action_confirmation import CONFIRM
from bot.blocks.channel_settings import CHANGE_SETTING
from bot.blocks.job import CANCEL, MENU, OPEN_PAGE, REFRESH, SHOW, TRACK, UNTRACK
from bot.blocks.mute import EVERY_JOB, UNMUTE
from bot.blocks.outbox import ALL_MESSAGES, RETRY, RETRY_ALL
from bot.blocks.subscriptions import UNSUBSCRIBE
from bot.commands.actions import CancelCommand
from bot.commands.command import Command, Requester
from bot.commands.confirm import ConfirmCommand
from bot.commands.outbox import RetryCommand
from bot.commands.settings import SettingsCommand
from bot.commands.status import StatusCommand
from bot.commands.track import TrackCommand
from bot.commands.unmute import UnmuteCommand
from bot.commands.unsubscribe import UnsubscribeCommand
from bot.commands.untrack import UntrackCommand
from bot.listeners.buttons import command_of, reply_target_of, requester_of
from bot.listeners.replies.responder import ReplyTarget

JOB = "ftjob-abc123"
REQUESTER = Requester("U0OLIVIA", "C0ML", "T0ACME", source="button")


def body(action_id: str = REFRESH, value: Any = JOB, **fields: Any) -> dict[str, Any]:
    """Return a pressed button as Slack sends it."""
    return {
        "type": "block_actions",
        "team": {"id": "T0ACME", "domain": "acme"},
        "user": {"id": "U0OLIVIA", "team_id": "T0ACME"},
        "channel": {"id": "C0ML", "name": "ml"},
        "container": {"type": "message", "message_ts": "1.2", "is_ephemeral": False},
        "response_url": "https://hooks.slack.com/actions/T0ACME/1/x",
        "actions": [{"type": "button", "action_id": action_id, "value": value, "block_id": "b1"}],
        **fields,
    }


@pytest.mark.parametrize(
    ("action_id", "expected"),
    [
        (REFRESH, StatusCommand(REQUESTER, (JOB,), fresh=True)),
        (f"{REFRESH}:3", StatusCommand(REQUESTER, (JOB,), fresh=True)),
        (SHOW, StatusCommand(REQUESTER, (JOB,))),
        (TRACK, TrackCommand(REQUESTER, (JOB,))),
        (UNTRACK, UntrackCommand(REQUESTER, (JOB,))),
        (CANCEL, CancelCommand(REQUESTER, (JOB,))),
    ],
)
def test_a_button_is_the_command_that_could_have_been_typed(action_id: str, expected: Command) -> None:
    assert command_of(body(action_id)) == expected


@pytest.mark.parametrize(
    ("value", "changes"),
    [("broadcast off", (("broadcast", False),)), ("size full", (("full_cards", True),)), ("broadcast maybe", None)],
)
def test_a_button_of_a_setting_carries_what_could_be_typed(value: str, changes: Any) -> None:
    expected = SettingsCommand(REQUESTER, changes=changes) if changes else None

    assert command_of(body(f"{CHANGE_SETTING}:broadcast", value)) == expected


@pytest.mark.parametrize("job_id", ["2ac5c4f1-8f2e-4f0e-9a34-0b1a9c2d7e11", "a/b.c:d", "job(1)"])
@pytest.mark.parametrize("action_id", [REFRESH, TRACK, UNTRACK, CANCEL])
def test_a_button_carries_an_id_of_any_shape_that_an_account_lists(action_id: str, job_id: str) -> None:
    command = command_of(body(action_id, job_id))
    assert command is not None
    assert command.job_ids == (job_id,)


@pytest.mark.parametrize("action_id", [REFRESH, TRACK, UNTRACK, CANCEL, UNMUTE])
def test_a_button_names_the_account_of_its_job(action_id: str) -> None:
    command = command_of(body(action_id, f"{JOB} research-2"))
    assert command is not None
    assert (command.job_ids, command.account) == ((JOB,), "research-2")


def test_an_option_of_a_menu_names_the_account_of_its_job() -> None:
    chosen = {"action_id": MENU, "selected_option": {"value": f"{CANCEL} {JOB} research"}}
    assert command_of(body(actions=[chosen])) == CancelCommand(REQUESTER, (JOB,), "research")


@pytest.mark.parametrize(
    "value", [f"{JOB} Research", f"{JOB} a b", f"{JOB} <!channel>", " research", f"{JOB}  research"]
)
def test_an_account_that_cannot_be_one_makes_the_button_not_ours(value: str) -> None:
    assert command_of(body(CANCEL, value)) is None


def test_the_red_button_confirms_its_action() -> None:
    assert command_of(body(CONFIRM, "Jm4Qk0s2")) == ConfirmCommand(REQUESTER, key="Jm4Qk0s2")


@pytest.mark.parametrize(
    ("action_id", "value", "delivery"),
    [
        (f"{RETRY}:0", "7", 7),
        (f"{RETRY}:19", "0" * 17 + "7", 7),
        (RETRY, "9" * 18, 10**18 - 1),
        (RETRY_ALL, ALL_MESSAGES, None),
    ],
)
def test_a_retry_names_its_delivery_and_replaces_the_list(action_id: str, value: str, delivery: int | None) -> None:
    seen_alone = {"is_ephemeral": True}
    expected = RetryCommand(REQUESTER, delivery=delivery, replaces=True)

    assert command_of(body(action_id, value, container=seen_alone)) == expected
    assert command_of(body(action_id, value)) == replace(expected, replaces=False)


def test_a_subscription_is_ended_by_its_id() -> None:
    assert command_of(body(f"{UNSUBSCRIBE}:1", "7")) == UnsubscribeCommand(REQUESTER, subscription_id=7)


def test_a_mute_is_ended_for_one_job_or_for_all() -> None:
    of_job = UnmuteCommand(REQUESTER, job_ids=(JOB,), replaces=True)
    of_all = UnmuteCommand(REQUESTER, replaces=True)
    seen_alone = {"type": "message", "is_ephemeral": True}

    assert command_of(body(UNMUTE)) == of_job
    assert command_of(body(UNMUTE, EVERY_JOB)) == of_all
    assert command_of(body(UNMUTE, container=seen_alone)) == replace(of_job, replaces=False)
    assert command_of(body(UNMUTE, EVERY_JOB, container=seen_alone)) == replace(of_all, replaces=False)


@pytest.mark.parametrize(
    ("action_id", "is_ephemeral", "replaces"),
    [
        (REFRESH, True, True),
        (REFRESH, False, False),
        (TRACK, True, False),
        (CANCEL, True, False),
        (REFRESH, "yes", False),
    ],
)
def test_only_a_refreshed_reply_replaces_the_previous_one(action_id: str, *, is_ephemeral: Any, replaces: bool) -> None:
    command = command_of(body(action_id, container={"is_ephemeral": is_ephemeral}))

    assert command is not None
    assert command.replaces is replaces


PRESSED = {"action_id": REFRESH, "value": JOB}
IGNORED: dict[str, dict[str, Any]] = {
    "unknown: an unknown action": body("somebody_elses"),
    "unknown: no name": body(""),
    "a button that opens a page": body(OPEN_PAGE),
    "a verb as the name": body("status"),
    "actions: no actions": {key: value for key, value in body().items() if key != "actions"},
    "actions: empty actions": body(actions=[]),
    "actions: fifty actions": body(actions=[PRESSED] * 50),
    "actions: two actions": body(actions=[PRESSED] * 2),
    "actions: actions of null": body(actions=None),
    "actions: actions of text": body(actions="ftjob_refresh"),
    "actions: an object for a list": body(actions=PRESSED),
    "actions: an action of text": body(actions=["ftjob_refresh"]),
    "actions: an action of null": body(actions=[None]),
    "actions: a number for a name": body(actions=[{"action_id": 7, "value": JOB}]),
    "actions: no value": body(actions=[{"action_id": REFRESH}]),
    "actions: null for a value": body(value=None),
    "actions: a list for a value": body(value=[JOB]),
    "a retry of no delivery": body(f"{RETRY}:0", ""),
    "a retry of a job": body(f"{RETRY}:0"),
    "a retry of all by the button of one": body(f"{RETRY}:0", ALL_MESSAGES),
    "a retry of one by the button of all": body(RETRY_ALL, "7"),
    "a retry of less than nothing": body(f"{RETRY}:0", "-1"),
    "a retry beyond any row": body(f"{RETRY}:0", "9" * 19),
    "a retry of digits of another script": body(f"{RETRY}:0", "\u0661"),
    "a retry with a line break": body(f"{RETRY}:0", "7\n"),
    "a job to unsubscribe from": body(UNSUBSCRIBE),
    "all to unsubscribe from": body(UNSUBSCRIBE, EVERY_JOB),
    "a subscription beyond any row": body(UNSUBSCRIBE, "9" * 19),
    "an unmute of nothing": body(UNMUTE, ""),
    "an unmute of a star": body(UNMUTE, "*"),
    "no key": body(actions=[{"action_id": CONFIRM}]),
    "a path for an id": body(value="ftjob-a/../../models"),
    "a forged id": body(value="<!channel>"),
    "an id with a line break": body(value=f"{JOB}\n"),
    "no user": body(user=None),
    "a user of text": body(user="U0OLIVIA"),
    "a user without id": body(user={"team_id": "T0ACME"}),
    "a user with a number": body(user={"id": 7}),
    "no channel": body(channel=None),
    "a channel of text": body(channel="C0ML"),
    "a channel without id": body(channel={"name": "ml"}),
    "nothing at all": {},
}


@pytest.mark.parametrize("pressed", IGNORED.values(), ids=IGNORED.keys())
def test_a_foreign_button_is_ignored(pressed: dict[str, Any]) -> None:
    assert command_of(pressed) is None


@pytest.mark.parametrize(
    ("fields", "team"),
    [
        ({}, "T0ACME"),
        ({"user": {"id": "U0OLIVIA", "team_id": "T0OTHER"}}, "T0OTHER"),
        ({"user": {"id": "U0OLIVIA"}}, "T0ACME"),
        ({"user": {"id": "U0OLIVIA", "team_id": ""}}, "T0ACME"),
        ({"user": {"id": "U0OLIVIA", "team_id": 7}}, "T0ACME"),
        ({"user": {"id": "U0OLIVIA"}, "team": None}, ""),
        ({"user": {"id": "U0OLIVIA"}, "team": "T0ACME"}, ""),
        ({"user": {"id": "U0OLIVIA"}, "team": {"id": None}}, ""),
    ],
)
def test_the_requester_has_their_own_team(fields: dict[str, Any], team: str) -> None:
    assert requester_of(body(**fields)) == Requester("U0OLIVIA", "C0ML", team, source="button")


@pytest.mark.parametrize(
    ("url", "expected"),
    [("https://hooks.slack.com/x", "https://hooks.slack.com/x"), (None, None), (7, None), (["https://x"], None)],
)
def test_the_reply_target_is_where_the_button_was_pressed(url: Any, expected: str | None) -> None:
    assert reply_target_of(body(response_url=url)) == ReplyTarget("C0ML", "U0OLIVIA", expected)


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers().map(str)
    | st.text(max_size=9)
    | st.sampled_from([JOB, REFRESH, CONFIRM, RETRY, RETRY_ALL, ALL_MESSAGES]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "team_id", "value"]), inner),
    max_leaves=8,
)
actions = st.lists(st.fixed_dictionaries({"action_id": json, "value": json}), max_size=2)
bodies = st.fixed_dictionaries(
    {}, optional={"user": json, "channel": json, "team": json, "container": json, "response_url": json, "actions": json | actions}
)  # fmt: skip


@given(bodies)
def test_no_body_breaks_anything(pressed: dict[str, Any]) -> None:
    requester, target, command = requester_of(pressed), reply_target_of(pressed), command_of(pressed)

    assert (target is None) is (requester is None)
    assert command is None or command.requester == requester
    assert requester is None or all(
        isinstance(part, str) for part in (requester.person, requester.channel, requester.team)
    )


@given(json, json)
def test_no_pressed_button_breaks_anything(action_id: Any, value: Any) -> None:
    command = command_of(body(action_id, value))

    match command:
        case RetryCommand():
            assert command.delivery == (None if value == ALL_MESSAGES else int(value))
        case ConfirmCommand():
            assert command.key == value
        case Command():
            assert value in command.job_ids
    assert command is None or command.requester == REQUESTER
