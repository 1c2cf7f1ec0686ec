from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.command import Requester
from bot.commands.help import HelpCommand
from bot.commands.registry import USAGES
from bot.commands.status import StatusCommand
from bot.errors import UserError
from bot.listeners.replies.responder import ReplyTarget
from bot.listeners.slash import command_of, reply_target_of, requester_of
from tests.commands.typed import REQUESTER

WHO = ("user_id", "channel_id")


def body(**fields: Any) -> dict[str, Any]:
    """Return a typed command as Slack sends it."""
    return {
        "command": "/ftjob",
        "text": "status ftjob-abc123",
        "user_id": "U0OLIVIA",
        "channel_id": "C0ML",
        "team_id": "T0ACME",
        "response_url": "https://hooks.slack.com/commands/T0ACME/1/x",
        **fields,
    }


def without(*names: str) -> dict[str, Any]:
    return {key: value for key, value in body().items() if key not in names}


def test_a_command_is_parsed_with_its_user_and_channel() -> None:
    assert command_of(body()) == StatusCommand(REQUESTER, job_ids=("ftjob-abc123",))
    assert reply_target_of(body()) == ReplyTarget("C0ML", "U0OLIVIA", "https://hooks.slack.com/commands/T0ACME/1/x")


@pytest.mark.parametrize("text", ["", None, 7, ["status"]])
def test_an_empty_text_is_help(text: Any) -> None:
    assert command_of(body(text=text)) == HelpCommand(REQUESTER, usages=tuple(USAGES.values()))
    assert command_of(without("text")) == HelpCommand(REQUESTER, usages=tuple(USAGES.values()))


def test_an_invalid_command_is_an_error_for_its_requester() -> None:
    with pytest.raises(UserError, match="Did you mean `cancel`"):
        command_of(body(text="cancle ftjob-abc123"))


@pytest.mark.parametrize("missing", [("user_id",), ("channel_id",), WHO, tuple(body())], ids="+".join)
def test_a_body_without_a_user_is_no_command(missing: tuple[str, ...]) -> None:
    assert command_of(without(*missing)) is None
    assert requester_of(without(*missing)) is None
    assert reply_target_of(without(*missing)) is None


@pytest.mark.parametrize("name", WHO)
@pytest.mark.parametrize("value", ["", None, 7, {}, ["U0OLIVIA"]])
def test_an_invalid_user_id_is_no_requester(name: str, value: Any) -> None:
    assert command_of(body(**{name: value})) is None


@pytest.mark.parametrize("team", [None, 7, ""])
def test_without_a_team_the_requester_has_none(team: Any) -> None:
    assert requester_of(body(team_id=team)) == requester_of(without("team_id")) == Requester("U0OLIVIA", "C0ML", "")


@pytest.mark.parametrize("url", [None, 7, {}])
def test_without_a_response_url_there_is_still_a_reply_target(url: Any) -> None:
    assert (
        reply_target_of(body(response_url=url))
        == reply_target_of(without("response_url"))
        == ReplyTarget("C0ML", "U0OLIVIA", None)
    )


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=30)
json = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(body(), json)))
def test_no_body_breaks_anything(typed: dict[str, Any]) -> None:
    try:
        command = command_of(typed)
    except UserError:
        command = None
    else:
        assert (command is None) is (requester_of(typed) is None)

    assert command is None or command.requester == requester_of(typed)
    assert (reply_target_of(typed) is None) is (requester_of(typed) is None)
