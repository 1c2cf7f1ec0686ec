import pytest

from bot.blocks.replies import problem_message
from bot.commands.command import Requester
from bot.commands.error_messages import (
    INVITE,
    UNEXPECTED_ERROR,
    denial,
    expired,
    not_yours,
    post_failed,
    provider_error,
    quota,
    rate_limited,
)
from bot.commands.permissions import DenialReason, Policy
from bot.commands.rate_limit import Limit, Limited, LimitKind
from bot.errors import (
    AccessDenialReason,
    AccessDenied,
    InvalidResponse,
    MismatchedResponse,
    NotFound,
    NotSupported,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RequestRejected,
    TrainingClosed,
    Unreachable,
)
from bot.jobs.actions import JobAction
from bot.providers.http.wire import Response
from bot.slack.errors import SHARED_CHANNEL, SHARING_UNKNOWN
from bot.store.actions.confirmations import Confirmation, PendingAction
from tests.blocks.rendered import EXAMPLES, active_markup, markup_texts
from tests.providers.dialects import Spoken

PLACE = "project `proj_1`"
NEXT_STEPS = (
    "Check the ID with `/ftjob list`",
    "Ask your ftjob admin",
    "Ask a ",
    "Ask one of them",
    "ask your ftjob admin",
    "Try again",
    "try again",
    "Run `",
    "Run this yourself",
    "Untrack some with",
    "Use `",
)
JARGON = ("Traceback", "Exception", "Error(", "None", "object at", "errno", "bot.", "sk-", "xoxb", "Bearer")
LET_IN = {
    AccessDenialReason.KEY: "It may have been revoked.",
    AccessDenialReason.PERMISSION: "ftjob's API key doesn't have permission to do that: No.",
    AccessDenialReason.ACCOUNT: "The account behind ftjob's API key isn't active: No.",
    AccessDenialReason.PROJECT: "The organization or project in ftjob's settings doesn't match its API key: No.",
    AccessDenialReason.REGION: "The API isn't available in the region ftjob runs in: No. The key is fine.",
    AccessDenialReason.IP_ADDRESS: "The API doesn't accept requests from ftjob's IP address: No. The key is fine.",
    AccessDenialReason.INTERMEDIARY: "No. The key isn't the problem.",
}
ERRORS: dict[str, tuple[ProviderError, str]] = {
    "not offered": (NotSupported("ftjob can't create jobs there. Use `x` instead."), "Use `x` instead."),
    "unknown": (NotFound("HTTP 404"), "I couldn't find job `ftjob-a` in project `proj_1`."),
    "revoked": (AccessDenied("Incorrect API key"), "The API rejected ftjob's key: Incorrect API key."),
    "scope": (
        AccessDenied("no", missing_scope="api.fine_tuning.jobs.write"),
        "the scope `api.fine_tuning.jobs.write`",
    ),
    **{reason.value: (AccessDenied("No", reason=reason), words) for reason, words in LET_IN.items()},
    "spent": (
        QuotaExceeded("You exceeded your current quota", retry_after=900),
        "out of quota or credit: You exceeded your current",
    ),
    "refused": (
        RequestRejected("The job cannot be changed."),
        "The API rejected this request: The job cannot be changed.",
    ),
    "closed": (TrainingClosed("Winding down"), "no longer accepts new jobs from your organization"),
    "limited": (
        RateLimited("slow", retry_after=20.4),
        "The API is rate-limiting ftjob. Your jobs aren't affected. Try again in 20 seconds.",
    ),
    "broken": (InvalidResponse("Not JSON"), "isn't responding properly: Not JSON."),
    "foreign": (MismatchedResponse("Another job"), "isn't responding properly: Another job."),
    "silent": (
        Unreachable("No response within 10 s.", may_have_executed=True),
        "No response within 10 s. Your jobs aren't affected",
    ),
    "other": (ProviderError("Odd"), "The API couldn't complete the request: Odd."),
}


def kinds(root: type[ProviderError]) -> set[type[ProviderError]]:
    return {root}.union(*(kinds(kind) for kind in root.__subclasses__()))


def test_the_table_has_every_kind_of_error() -> None:
    assert set(LET_IN) == set(AccessDenialReason)
    assert {type(error) for error, _ in ERRORS.values()} == kinds(ProviderError)


@pytest.mark.parametrize(("error", "expected"), ERRORS.values(), ids=ERRORS.keys())
def test_every_error_of_the_api_says_what_happened_and_what_to_do(error: ProviderError, expected: str) -> None:
    said = provider_error(error, project=PLACE, job_id="ftjob-a")

    assert expected in said
    assert any(step in said for step in NEXT_STEPS)
    assert [word for word in JARGON if word in said] == []


@pytest.mark.parametrize("reason", [each for each in AccessDenialReason if each is not AccessDenialReason.KEY])
def test_only_a_wrong_key_is_called_revoked(reason: AccessDenialReason) -> None:
    said = provider_error(AccessDenied("No", reason=reason), project=PLACE)
    assert "revoked" not in said
    assert "new one" not in said


def test_a_spent_quota_is_not_shown_as_a_wait_of_seconds() -> None:
    said = provider_error(QuotaExceeded("You exceeded your current quota.", retry_after=900), project=PLACE)
    assert "900" not in said
    assert "Ask your ftjob admin to add credit or raise the spending limit." in said


def test_a_list_that_is_not_found_says_so_without_an_id() -> None:
    said = provider_error(NotFound("HTTP 404"), project=PLACE)

    assert "The API endpoint for project `proj_1` wasn't found." in said
    assert "Ask your ftjob admin to check its URL." in said


def test_a_long_error_is_cut() -> None:
    said = provider_error(RequestRejected("x" * 5000), project=PLACE)

    assert len(said) < 500
    assert "…" in said


@pytest.mark.parametrize(
    ("status", "file", "expected"),
    [
        (401, "error.401.invalid_api_key.json", "rejected ftjob's key"),
        (403, "error.403.training_not_available.json", "no longer accepts new jobs from your organization"),
        (404, "wire.404.retrieve.json", "I couldn't find job `ftjob-a`"),
        (400, "error.400.job_not_cancellable.json", "The job cannot be changed in its present state."),
        (429, "error.429.rate_limited.json", "Try again in 1 second."),
        (500, "error.500.server_error.json", "isn't responding properly"),
    ],
)
def test_a_real_response_of_the_api_becomes_a_sentence_without_secrets(status: int, file: str, expected: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Spoken().read_job(Response(status, {}, (EXAMPLES / file).read_bytes()), "ftjob-a", now=0)
    said = provider_error(caught.value, project=PLACE, job_id="ftjob-a")

    assert expected in said
    assert [word for word in ("{", '"', "Bearer", "sk-proj", "type") if word in said] == []


POLICY = Policy(operators=frozenset({"U0OLIVIA", "W0MILO", "S0MLOPS"}))


@pytest.mark.parametrize("why", DenialReason)
def test_every_refusal_says_what_to_do(why: DenialReason) -> None:
    said = denial(why, POLICY)

    assert any(step in said for step in NEXT_STEPS)
    assert [word for word in JARGON if word in said] == []


def test_every_refusal_has_its_own_wording() -> None:
    assert len({denial(why, POLICY) for why in DenialReason}) == len(DenialReason)


def test_a_refused_action_names_who_has_permission() -> None:
    said = denial(DenialReason.NOT_AN_OPERATOR, POLICY)

    assert said.startswith("Only operators can do this.")
    assert "Ask a workspace admin or owner, <@U0OLIVIA>" in said
    assert "<@U0OLIVIA>, <@W0MILO>, or anyone in the user group `S0MLOPS`." in said


def test_without_operators_in_the_settings_only_admins_are_named() -> None:
    for operators in (frozenset[str](), frozenset({""}), frozenset({"?"})):
        assert denial(DenialReason.NOT_AN_OPERATOR, Policy(operators)) == (
            "Only operators can do this. Ask a workspace admin or owner."
        )


@pytest.mark.parametrize("error", ["not_in_channel", "channel_not_found"])
def test_outside_its_channels_the_bot_asks_to_be_invited(error: str) -> None:
    assert post_failed(error) == INVITE
    assert "/invite @ftjob" in INVITE


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("is_archived", "archived"),
        ("ratelimited", "`ratelimited`"),
        (None, "Slack didn't confirm my message"),
        ("fatal_error", "Slack didn't confirm my message"),
        ("unreachable", "Slack isn't responding properly"),
        ("<!channel>", "`&lt;!channel&gt;`"),
    ],
)
def test_a_card_that_could_not_be_posted_is_explained_and_nothing_stored(error: str | None, expected: str) -> None:
    said = post_failed(error)

    assert expected in said
    assert "othing was saved" in said
    assert "ry a" in said
    assert [part for markup in markup_texts(problem_message(said)) for part in active_markup(markup)] == []


@pytest.mark.parametrize(
    ("error", "said", "place"),
    [
        (SHARED_CHANNEL, "{} channel is shared with another company", ("This", "That")),
        (SHARING_UNKNOWN, "whether {} channel is shared", ("this", "that")),
        (SHARING_UNKNOWN, "I won't post {}.", ("here", "there")),
        ("is_archived", "{} channel is archived", ("This", "That")),
        ("is_archived", "I can't post {}.", ("here", "there")),
        ("restricted_action", "I don't have permission to post {}. Let ftjob post and reply {} (", ("here", "there")),
        ("slack_connect_file_link_sharing_blocked", "blocks links or files in {} channel.", ("this", "that")),
        (None, "it may not be {}.", ("here", "there")),
        (None, "Check {} channel, then try again.", ("this", "that")),
    ],
)
def test_the_channel_where_the_requester_typed_is_this_one(
    error: str | None, said: str, place: tuple[str, str]
) -> None:
    here, there = (said.replace("{}", each) for each in place)

    assert here in post_failed(error, "C0ML", Requester("U0OLIVIA", "C0ML", "T1", "ml"))
    assert there in post_failed(error, "C0OPS", Requester("U0OLIVIA", "C0ML", "T1", "ml"))


@pytest.mark.parametrize(("channel", "place"), [("D0OLIVIA", "this DM"), ("U0OLIVIA", "your DMs")])
def test_a_direct_message_is_no_channel(channel: str, place: str) -> None:
    here = Requester("U0OLIVIA", "D0OLIVIA", "T1", "directmessage")

    assert f"Nothing was saved. Check {place}, then try again." in post_failed(None, channel, here)


def asked(order: JobAction) -> PendingAction:
    question = Confirmation(order, "default", "ftjob-abc123", "U0OTTO", "C0ML")
    return PendingAction("key", question, expired=True, confirmed_at=None, completed=False, result_text=None)


@pytest.mark.parametrize("order", JobAction)
def test_an_expired_or_foreign_confirmation_names_the_command_for_a_new_one(order: JobAction) -> None:
    theirs = asked(order)
    for said in (expired(theirs), not_yours(theirs, is_form=order is JobAction.CREATE)):
        assert f"/ftjob {order}" in said
        assert [other for other in JobAction if other is not order and f"/ftjob {other}" in said] == []
        assert ("form" in said, "button" in said) == (order is JobAction.CREATE, order is not JobAction.CREATE)


def test_a_form_and_a_button_that_no_one_was_given_have_their_own_wording() -> None:
    form, button = not_yours(None, is_form=True), not_yours(None, is_form=False)

    assert "/ftjob create" in form
    assert not any(verb in form for verb in ("cancel", "pause", "resume", "button"))
    assert all(f"`{verb}`" in button.replace("/ftjob ", "") for verb in ("cancel", "pause", "resume"))
    assert "form" not in button
    crossed = not_yours(asked(JobAction.CREATE), is_form=False)
    assert crossed == button, "a button with a form's key is a button"


@pytest.mark.parametrize("said", [*(expired(asked(order)) for order in JobAction), UNEXPECTED_ERROR])
def test_a_rejected_button_or_a_bug_names_the_next_step(said: str) -> None:
    assert any(step in said for step in NEXT_STEPS)
    assert [word for word in JARGON if word in said] == []


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (LimitKind.PERSON, "You're going a bit fast (limit: 5 commands per 60 seconds)."),
        (
            LimitKind.WORKSPACE,
            "Your workspace is sending commands too fast (limit: 5 commands per 60 seconds across the workspace).",
        ),
        (
            LimitKind.OTHERS,
            "Too many commands (limit: 5 help, unknown, or denied commands per 60 seconds across the workspace).",
        ),
        (
            LimitKind.ACTIONS,
            "Too many action requests, so I ignored this one (limit: 5 of each action per 60 seconds across the workspace).",
        ),
        (LimitKind.CONCURRENT, "I'm busy with 5 other commands."),
    ],
)
def test_every_limit_says_what_it_is_and_for_how_long_to_wait(bound: LimitKind, expected: str) -> None:
    said = rate_limited(Limited(bound, Limit(5, 60.0), 7, should_notify=True))

    assert said == f"{expected} Try again in 7 seconds."
    assert any(step in said for step in NEXT_STEPS)


def test_a_full_quota_is_named_with_the_way_to_free_it() -> None:
    said = quota(1000)

    assert "1,000 active jobs" in said
    assert "`/ftjob untrack &lt;id&gt;`" in said
    assert "1,000 active jobs tracked with `/ftjob track` in account `azure`" in quota(1000, "azure")
    assert any(step in said for step in NEXT_STEPS)


@pytest.mark.parametrize(
    ("error", "channel", "named", "said"),
    [
        ("channel_not_found", "D0TWOPEOPLE", "directmessage", "this DM"),
        ("not_in_channel", "D0TWOPEOPLE", "", "this DM"),
        ("channel_not_found", "C0GROUP", "mpdm-a--b--c-1", "this group DM"),
        ("channel_not_found", "U0MILO", "ml", "Leave off `me`"),
        ("restricted_action", "C0ML", "ml", "posting permissions"),
        ("messages_tab_disabled", "U0MILO", "ml", "App Home"),
        ("user_not_found", "U0MILO", "ml", "no longer in this workspace"),
        ("token_revoked", "C0ML", "ml", "the new token"),
    ],
)
def test_the_advice_applies_to_the_destination_of_the_message(error: str, channel: str, named: str, said: str) -> None:
    here = Requester("U0OLIVIA", channel if named.startswith(("d", "mpdm")) else "C0ML", "T1", named)
    advice = post_failed(error, channel, here)

    assert said in advice
    assert "/invite" not in advice
    assert "Try again." not in advice


def test_another_channel_is_not_called_a_group_message_where_the_requester_writes_from_one() -> None:
    assert post_failed("channel_not_found", "C0OPS", Requester("U0OLIVIA", "C0GROUP", "T1", "mpdm-a--b--c-1")) == INVITE
