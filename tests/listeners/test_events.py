from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.listeners.events import reopened_channel

BOT = "U0FTJOB"
ARRIVAL = {"type": "member_joined_channel", "user": BOT, "channel": "C0ML", "channel_type": "C", "team": "T0ACME"}
UNARCHIVED = {"type": "channel_unarchive", "channel": "C0ML", "user": "U0OLIVIA"}


def envelope(event: Any) -> dict[str, Any]:
    """Return an event as Slack sends it."""
    return {"type": "event_callback", "team_id": "T0ACME", "event": event, "event_id": "Ev1"}


@pytest.mark.parametrize(
    "event",
    [ARRIVAL, ARRIVAL | {"channel_type": "G"}, UNARCHIVED, UNARCHIVED | {"type": "group_unarchive"}],
    ids=["invited", "invited to a private channel", "unarchived", "a private channel unarchived"],
)
def test_a_channel_that_accepts_messages_again_is_named(event: dict[str, Any]) -> None:
    assert reopened_channel(envelope(event), BOT) == "C0ML"


def test_another_users_join_reopens_nothing() -> None:
    assert reopened_channel(envelope(ARRIVAL | {"user": "U0MILO"}), BOT) is None


def test_before_the_bot_knows_its_user_id_any_join_counts() -> None:
    assert reopened_channel(envelope(ARRIVAL | {"user": "U0MILO"}), None) == "C0ML"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"event": None},
        {"event": "channel_unarchive"},
        envelope({}),
        envelope(ARRIVAL | {"type": "member_left_channel"}),
        envelope(ARRIVAL | {"channel": None}),
        envelope(ARRIVAL | {"channel": {"id": "C0ML"}}),
        envelope(ARRIVAL | {"user": None}),
        envelope(UNARCHIVED | {"channel": 7}),
        envelope([UNARCHIVED]),
        UNARCHIVED,
    ],
)
def test_another_event_reopens_nothing(body: dict[str, Any]) -> None:
    assert reopened_channel(body, BOT) is None


json = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from([BOT, "C0ML", "channel_unarchive"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "user", "channel", "event"]), inner)
    ),
    max_leaves=8,
)


@given(json, st.sampled_from([BOT, None]))
def test_no_event_breaks_anything(event: Any, bot_user: str | None) -> None:
    assert isinstance(reopened_channel(envelope(event), bot_user), str | None)
