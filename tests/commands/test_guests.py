"""What guests may: each thing that can be asked, by command or button, for each kind of person, with and without the setting."""

from typing import Any

import pytest

from bot.blocks.action_confirmation import CONFIRM, DISMISS
from bot.blocks.create import CREATE
from bot.blocks.interactive import SHOW_PAGE
from bot.blocks.job import CANCEL, DETAILS, PAUSE, REFRESH, RESUME, SHOW, TRACK, UNTRACK
from bot.blocks.mute import EVERY_JOB, UNMUTE
from bot.blocks.outbox import ALL_MESSAGES, RETRY, RETRY_ALL
from bot.blocks.subscriptions import UNSUBSCRIBE
from bot.commands.access import AccessControl
from bot.commands.command import Command, Requester
from bot.commands.permissions import Authorized, DenialReason, Denied, Permission, Policy, authorize
from bot.commands.rate_limit import RateLimiter
from bot.commands.registry import VERBS, parse
from bot.listeners import buttons, shortcuts
from bot.slack.directory.members import Person

JOB = "ftjob-abc123"
GUEST, CHANNEL = "U0GIA", "C0ML"
REQUESTER = Requester(GUEST, CHANNEL, "T0ACME")

LOOKS = (
    "help",
    "help track",
    JOB,
    f"status {JOB}",
    "list failed",
    "tracked",
    "subscriptions",
    f"events {JOB}",
    f"checkpoints {JOB}",
    "models",
    "settings",
    "about",
)
CHANGES = (
    f"track {JOB}",
    f"track {JOB} me",
    f"track {JOB} in <#C0OPS|ops>",
    f"untrack {JOB}",
    "untrack all",
    "subscribe",
    "subscribe failed",
    "unsubscribe",
    f"mute {JOB} 2h",
    "mute all 7d",
    "unmute",
    "settings broadcast off",
    f"curves {JOB}",
    f"cancel {JOB}",
    f"pause {JOB}",
    f"resume {JOB}",
    "create",
    "outbox",
    "audit",
)
LOOKING_BUTTONS = (
    (REFRESH, JOB),
    (f"{SHOW}:0", JOB),
    (DETAILS, JOB),
    (SHOW_PAGE, f"list all 10 after:{JOB}"),
    (DISMISS, "cancel"),
)
CHANGING_BUTTONS = (
    (TRACK, JOB),
    (UNTRACK, JOB),
    (CANCEL, JOB),
    (PAUSE, JOB),
    (RESUME, JOB),
    (CREATE, "x"),
    (CONFIRM, "key"),
    (f"{UNMUTE}:0", EVERY_JOB),
    (f"{UNSUBSCRIBE}:0", "1"),
    (f"{RETRY}:0", "1"),
    (RETRY_ALL, ALL_MESSAGES),
    (SHOW_PAGE, "audit after:7"),
)
PEOPLE = {
    "a member": Person(GUEST),
    "an admin": Person(GUEST, is_admin=True),
    "a guest": Person(GUEST, is_guest=True),
    "a guest who is an operator": Person(GUEST, is_guest=True, is_admin=True, groups=frozenset({"S0OPS"})),
    "a stranger": Person(GUEST, is_external=True),
    "a stranger who is a guest there": Person(GUEST, is_external=True, is_guest=True),
    "a bot": Person(GUEST, is_human=False),
}
OUT = {
    "a stranger": DenialReason.EXTERNAL_USER,
    "a stranger who is a guest there": DenialReason.EXTERNAL_USER,
    "a bot": DenialReason.NOT_A_PERSON,
}


def pressed(action: str, value: str) -> Command:
    """Return what a button asks for."""
    body: dict[str, Any] = {"user": {"id": GUEST}, "channel": {"id": CHANNEL}}
    command = buttons.command_of(body | {"actions": [{"action_id": action, "value": value}]})
    assert command, action
    return command


def from_message() -> Command:
    """Return what the shortcut on a message asks for."""
    body = {"type": "message_action", "callback_id": shortcuts.TRACK_FROM_MESSAGE, "message": {"text": JOB}}
    command = shortcuts.command_of(body | {"user": {"id": GUEST}, "channel": {"id": CHANNEL}})
    assert command
    return command


def reads() -> list[Command]:
    return [*(parse(text, REQUESTER) for text in LOOKS), *(pressed(*each) for each in LOOKING_BUTTONS)]


def changes() -> list[Command]:
    return [
        *(parse(text, REQUESTER) for text in CHANGES),
        *(pressed(*each) for each in CHANGING_BUTTONS),
        from_message(),
    ]


def decided(command: Command, who: Person, policy: Policy) -> Authorized | Denied:
    return AccessControl(policy, RateLimiter(), lambda: 0.0).authorize(who, command)


def test_every_verb_is_covered() -> None:
    assert {each.verb for each in (*reads(), *changes())} == set(VERBS)


@pytest.mark.parametrize("allow", [False, True], ids=["guests are not allowed", "guests are allowed"])
@pytest.mark.parametrize("kind", PEOPLE)
def test_each_kind_of_person_may_read_or_change_as_the_setting_says(kind: str, *, allow: bool) -> None:
    policy, who = Policy(frozenset({GUEST, "S0OPS"}), allow_guests=allow), PEOPLE[kind]
    for_reads = for_changes = OUT.get(kind)
    if kind.startswith("a guest"):
        for_reads, for_changes = (
            (None, DenialReason.GUEST_READS_ONLY) if allow else (DenialReason.GUEST, DenialReason.GUEST)
        )

    for command in reads():
        assert decided(command, who, policy) == (Denied(for_reads) if for_reads else Authorized()), command
    for command in changes():
        assert decided(command, who, policy) == (Denied(for_changes) if for_changes else Authorized()), command


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize("kind", PEOPLE)
def test_the_home_tab_is_shown_to_users_who_can_read(kind: str, *, allow: bool) -> None:
    shown = authorize(PEOPLE[kind], Permission.READ, Policy(allow_guests=allow), changes_job=False)

    assert isinstance(shown, Authorized) is (kind in ("a member", "an admin") or (kind.startswith("a guest") and allow))
