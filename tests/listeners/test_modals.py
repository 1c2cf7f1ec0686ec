from typing import Any

import pytest

from bot.blocks.create import CREATE
from bot.commands.command import Requester
from bot.commands.confirm import ConfirmCommand
from bot.jobs.creation import JobRequest
from bot.listeners.modals import acknowledgement, command_of, reply_target_of
from bot.listeners.replies.responder import ReplyTarget

FIELDS = {"model": "gpt-4o-mini", "training_file": "file-abc", "method": "supervised"}


def handed_in(**view: Any) -> dict[str, Any]:
    values = {name: {name: {"type": "plain_text_input", "value": text}} for name, text in FIELDS.items()}
    shape = {
        "id": "V1",
        "type": "modal",
        "callback_id": CREATE,
        "private_metadata": "key-1 C0ML",
        "state": {"values": values},
        **view,
    }
    return {"type": "view_submission", "user": {"id": "U1", "team_id": "T1"}, "team": {"id": "T0"}, "view": shape}


def test_a_form_becomes_its_command() -> None:
    body = handed_in()

    assert command_of(body) == ConfirmCommand(
        Requester("U1", "C0ML", "T1", source="modal"),
        key="key-1",
        job_request=JobRequest("gpt-4o-mini", "file-abc"),
    )
    assert reply_target_of(body) == ReplyTarget("C0ML", "U1", None, "V1")
    assert acknowledgement(body)["response_action"] == "update"


@pytest.mark.parametrize(
    "private", [None, 7, "", "key", "key C0ML more", "key <!channel>", "key U0MILO", " C0ML", "é C0ML"]
)
def test_a_form_with_invalid_private_metadata_has_no_confirmation_and_no_channel(private: Any) -> None:
    command = command_of(handed_in(private_metadata=private))

    assert command
    assert (command.key, command.requester.channel) == ("", "")


@pytest.mark.parametrize(
    "values",
    [{}, {"model": None}, {"model": {"model": "x"}}, {"model": {"model": {"selected_option": None}}}, {"model": []}],
)
def test_values_of_any_shape_have_errors_at_their_fields(values: Any) -> None:
    answer = acknowledgement(handed_in(state={"values": values}))

    assert answer["response_action"] == "errors"
    assert set(answer["errors"]) == {"model", "training_file", "method"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"view": {}},
        {"view": None},
        handed_in(callback_id="somebody_elses"),
        handed_in(state=None),
        {**handed_in(), "user": {}},
    ],
)
def test_a_foreign_form_is_no_command(body: dict[str, Any]) -> None:
    assert command_of(body) is None
    assert acknowledgement(body) == {}
