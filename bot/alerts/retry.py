"""What to do after an attempt to post, decided by one question: could the message be in the channel? Pure.

Slack's error names: https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.retry_after import LONGEST_PAUSE, SHORTEST_PAUSE, jittered
from bot.store import line
from bot.store.delivery import Outcome
from bot.store.undelivered import NOT_OWED


@dataclass(frozen=True)
class Patience:
    """How long delivery waits for what, in seconds. A test may shorten all of it in proportion."""

    timeout: float = 10.0
    """For Slack's answer to one attempt."""
    settle: float = 15.0
    """For Slack to show a message that it accepted without saying so."""
    lookup: float = 5.0
    """For one search among a channel's messages."""
    look_again: float = 10.0
    """Between two searches of which the first could not see."""
    blind: float = 120.0
    """For a search that works, before a message in doubt is sent again, marked as a possible repeat.

    It is counted in searches that could not see, ``look_again`` apart: time in which nobody looked is no blindness.
    """
    pace: float = 1.0
    """Between two messages to a channel (https://docs.slack.dev/apis/web-api/rate-limits)."""
    lease: float = 30.0
    """For a sender that claimed a delivery and then died."""
    margin: float = 2.0
    """What has to be left of a lease, beyond ``timeout``, for an attempt to begin."""

    def __post_init__(self) -> None:
        """Refuse values under which two senders could post one delivery."""
        if self.lease < self.lookup + self.timeout + 2 * self.margin:
            raise ValueError("A lease must outlast a look-up and an attempt.")

    def shortened(self, factor: float) -> "Patience":
        """Return the same patience, ``factor`` times as short."""
        return Patience(**{name: seconds / factor for name, seconds in vars(self).items()})


PATIENCE = Patience()
PACE = PATIENCE.pace
LONGEST_BACKOFF = line.LONGEST_WAIT
_MOST_DOUBLINGS = 12
MOST_UNKNOWN = 5
"""How often an error that we do not know is tried again."""

SHARED = "shared_with_another_company"
UNSEEN = "cannot_see_whether_shared"
"""Ours: the channel may not be told, and it may be one that may not."""

LOST_ACCESS = NOT_OWED
"""Ours: a direct message to somebody who may not read it any more; all that they are sent ends."""
NOT_ASKED = "cannot_ask_who_that_is"
"""Ours: a direct message to somebody of whom nothing is known while Slack cannot be asked; it waits."""

CHANNEL_CLOSED = frozenset({SHARED, UNSEEN}) | frozenset(
    "channel_not_found is_archived not_in_channel no_permission restricted_action restricted_action_read_only_channel "
    "restricted_action_thread_only_channel restricted_action_non_threadable_channel messages_tab_disabled "
    "ekm_access_denied slack_connect_file_link_sharing_blocked user_not_found "
    "slack_connect_canvas_sharing_blocked".split()
)
"""The channel does not take it until somebody changes something there."""
WORKSPACE_CLOSED = frozenset(
    "token_revoked account_inactive invalid_auth not_authed token_expired app_uninstalled missing_scope "
    "not_allowed_token_type team_access_not_granted accesslimited access_denied".split()
)
"""Nothing can be posted until an administrator mends the installation."""
OUR_FAULT = frozenset(
    "msg_too_long msg_blocks_too_long too_many_attachments invalid_blocks invalid_blocks_format invalid_arguments "
    "metadata_too_large invalid_metadata_format invalid_metadata_schema no_text".split()
)
"""Slack does not accept what we drew: the same goes out as plain text."""
REFUSED_FOR_NOW = frozenset({NOT_ASKED}) | frozenset(
    "request_timeout service_unavailable team_added_to_org org_login_required".split()
)
RATE_LIMITED = line.RATE_LIMITED
MAYBE_POSTED = frozenset("internal_error fatal_error".split())
THREAD_GONE = frozenset("thread_not_found cannot_reply_to_message".split())
"""The thread does not take it: it goes to the channel itself."""
NOT_DRAWN = "not_drawn"
"""Ours: the message could not even be drawn."""
NEVER_SEES = frozenset("missing_scope not_allowed_token_type access_denied".split())
"""A look-up will not work until somebody changes the installation: there is nothing to wait for."""


class Next(StrEnum):
    """What to do with a delivery in doubt after a look-up."""

    SENT = "sent"
    """It is there."""
    SEND = "send"
    """It is not there."""
    SEND_BLIND = "send_blind"
    """Nobody can see whether it is there: better told twice than not at all, and the message says so."""
    LOOK_AGAIN = "look_again"
    PARK = "park"
    """The channel is closed, for looking too."""


@dataclass(frozen=True)
class Answer:
    """How one attempt ended, as the gateway saw it."""

    ts: str | None = None
    """Where the message stands; set exactly if Slack said so."""
    channel: str | None = None
    """The channel that took it: a direct message's own id where it was addressed to a person."""
    error: str | None = None
    """Slack's word, or ours where Slack said nothing ("timeout", "unreachable")."""
    maybe_posted: bool = False
    """Whether Slack may have taken it although it did not say so."""
    retry_after: float | None = None
    """Seconds, where Slack asked for a pause."""


@dataclass(frozen=True)
class Sought:
    """A message of which it is not known whether it arrived."""

    channel: str
    key: str
    """What its metadata holds, if it is there."""
    thread_ts: str | None
    """The thread that it went to."""
    oldest: float
    """When it was first sent, seconds since the epoch by Slack's clock."""


@dataclass(frozen=True)
class Sight:
    """What a look-up saw."""

    ts: str | None = None
    """Where the message stands; None where it is not there, or could not be seen."""
    blind: str | None = None
    """Why nothing could be seen, in Slack's word or ours; None for a look-up that worked."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a delivery after an attempt."""

    outcome: Outcome
    wait: float = 0.0
    """Seconds until it may be tried again."""
    channel_wait: float = PACE
    """Seconds until anything more goes to its channel, the pace at the least."""


def decide(answer: Answer, attempts: int, *, was_plain: bool, luck: float, patience: Patience = PATIENCE) -> Verdict:
    """Return what becomes of a delivery.

    Args:
        answer: how the attempt ended.
        attempts: how many there have been, this one included.
        was_plain: whether it already went out without blocks.
        luck: a random number from 0 to 1 that spreads retries.
        patience: how long to wait for what.
    """
    verdict = _sorted(answer, attempts, was_plain=was_plain, luck=luck, patience=patience)
    return replace(verdict, channel_wait=patience.pace) if verdict.channel_wait == PACE else verdict


def backoff(failures: int, luck: float, longest: float = LONGEST_BACKOFF) -> float:
    """Return the seconds until what failed so often before is tried again; ``luck`` as of ``decide``."""
    return min(longest, 2.0 ** min(failures, _MOST_DOUBLINGS)) * (0.5 + luck / 2)


def pause_asked(answer: Answer) -> float:
    """Return the seconds that Slack's rate limit asks for, within our bounds."""
    return min(max(SHORTEST_PAUSE, answer.retry_after or SHORTEST_PAUSE), LONGEST_PAUSE)


def _sorted(answer: Answer, attempts: int, *, was_plain: bool, luck: float, patience: Patience) -> Verdict:
    error = answer.error or ""
    wait = backoff(attempts - 1, luck)
    if answer.ts:
        return Verdict("sent")
    if answer.maybe_posted or error in MAYBE_POSTED:
        return Verdict("ambiguous", wait=patience.settle)
    if error in RATE_LIMITED:
        pause = jittered(pause_asked(answer), luck)
        return Verdict("pending", wait=pause, channel_wait=pause)
    if error in CHANNEL_CLOSED or error == LOST_ACCESS:
        return Verdict("dead" if error == LOST_ACCESS else "parked")
    if error in WORKSPACE_CLOSED:
        return Verdict("pending", wait=LONGEST_BACKOFF, channel_wait=LONGEST_BACKOFF)
    if error in OUR_FAULT:
        return Verdict("dead" if was_plain else "pending")
    if error in THREAD_GONE:
        return Verdict("pending")
    if error in REFUSED_FOR_NOW or error == "unreachable":
        return Verdict("pending", wait=wait)
    if attempts == 1 and error != NOT_DRAWN:
        return Verdict("ambiguous", wait=patience.settle)  # a word that we do not know may mean anything, once
    return Verdict("pending" if attempts <= MOST_UNKNOWN else "dead", wait=wait)


def after_look(sight: Sight, looks: int, patience: Patience) -> Next:
    """Return what to do with a delivery in doubt after a look-up, ``looks`` of which before could not see either."""
    if sight.ts:
        return Next.SENT
    if sight.blind is None:
        return Next.SEND
    if sight.blind in CHANNEL_CLOSED:
        return Next.PARK
    if sight.blind in NEVER_SEES or (looks + 1) * patience.look_again >= patience.blind:
        return Next.SEND_BLIND
    return Next.LOOK_AGAIN
