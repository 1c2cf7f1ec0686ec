"""The list of undelivered messages, each with the reason and the fix."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.interactive import actions, button
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Block,
    Message,
    channel_mention,
    code_span,
    context,
    counted,
    fallback_text,
    format_date,
    format_duration,
    job_mention_with_id,
    safe_text,
    section,
    truncate_markup,
)

RETRY = "ftjob_retry"
RETRY_ALL = "ftjob_retry_all"
ALL_MESSAGES = "all"
"""Value of the button that retries all messages."""
MAX_ROWS = 20
_MAX_IN_FALLBACK = 5
_MAX_ROW_LENGTH = 370
"""Characters: twenty rows and their buttons stay below the 8,000 that Slack takes in one message."""

_WITHOUT_MARKS = str.maketrans("", "", "`*")
"""What makes mrkdwn bold or code, which a screen reader would say."""

_SENT_AUTOMATICALLY = "and the held messages will be sent automatically."
_CONTACT_ADMIN = "Ask a workspace admin"
_REASONS: dict[str, tuple[str, str]] = {
    "not_in_channel channel_not_found": (
        "I'm not in that channel, or it was deleted.",
        f"Type `/invite @ftjob` there, {_SENT_AUTOMATICALLY}",
    ),
    "is_archived": ("The channel is archived.", f"Unarchive it, {_SENT_AUTOMATICALLY}"),
    "no_permission restricted_action restricted_action_read_only_channel restricted_action_thread_only_channel "
    "restricted_action_non_threadable_channel cannot_reply_to_message": (
        "I don't have permission to post there.",
        "Let ftjob post and reply there (channel settings, posting permissions), then retry.",
    ),
    "messages_tab_disabled": (
        "My Messages tab is turned off.",
        "Turn it on in the app's settings, under App Home, then retry.",
    ),
    "shared_with_another_company": (
        "The channel is shared with another company, and I don't post to shared channels.",
        "Choose another channel, or ask your ftjob admin to set FTJOB_ALLOW_SHARED_CHANNELS=1, then retry.",
    ),
    "cannot_see_whether_shared": (
        "I can't tell whether the channel is shared with another company.",
        "Ask your ftjob admin to grant channels:read and groups:read (or set FTJOB_ALLOW_SHARED_CHANNELS=1), then retry.",
    ),
    "user_not_found": ("That person is no longer in this workspace.", "Have someone else track the job."),
    "ekm_access_denied": (
        "I don't have access to the workspace's encryption keys.",
        f"{_CONTACT_ADMIN} to grant it, then retry.",
    ),
    "slack_connect_file_link_sharing_blocked slack_connect_canvas_sharing_blocked": (
        "A Slack Connect policy blocks links or files in that channel.",
        f"{_CONTACT_ADMIN} to allow them there, then retry.",
    ),
    "missing_scope not_allowed_token_type": (
        "The app is missing a permission.",
        "Reinstall it from its manifest (`ftjob check` names what's missing), then retry.",
    ),
    "team_access_not_granted accesslimited access_denied": (
        "The app isn't approved for this workspace.",
        f"{_CONTACT_ADMIN} to approve it, then retry.",
    ),
    "token_revoked account_inactive invalid_auth not_authed token_expired app_uninstalled": (
        "My token is no longer valid.",
        "Reinstall the app, give your ftjob admin the new token, then retry.",
    ),
    "msg_too_long msg_blocks_too_long too_many_attachments invalid_blocks invalid_blocks_format invalid_arguments "
    "metadata_too_large invalid_metadata_format invalid_metadata_schema no_text not_drawn": (
        "Slack can't display this message (a bug in ftjob).",
        "Ask your ftjob admin to report it.",
    ),
}
_DIRECT_MESSAGE_REASONS = {
    "not_in_channel channel_not_found": (
        "Slack won't let me post in that DM.",
        "Run `/ftjob track &lt;id&gt;` in a channel instead.",
    ),
    "is_archived": (
        "Slack closed that DM.",
        "Run `/ftjob track &lt;id&gt;` in a channel instead.",
    ),
}
"""For direct messages, to which the bot cannot be invited."""
_REASON_OF = {known: reason for words, reason in _REASONS.items() for known in words.split()}
_REASON_OF_DIRECT = {known: reason for words, reason in _DIRECT_MESSAGE_REASONS.items() for known in words.split()}
_UNKNOWN = ("Slack rejected it.", "Retry. If it fails again, send your ftjob admin the error and ref.")


@dataclass(frozen=True)
class UndeliveredRow:
    """One undelivered message."""

    id: int
    what: str
    """Its name, safe mrkdwn: `changes.change_label`, `card_label` or `digest_label`."""
    channel: str
    """Channel or user ID."""
    since: float
    error: str | None
    """Slack's error code, or one of ours."""


def delivery_error(error: str | None, channel: str) -> tuple[str, str] | None:
    """Return the reason and the fix for an error code of a channel or a user; None for an unknown code."""
    known = _REASON_OF if channel.startswith(("C", "G")) else _REASON_OF | _REASON_OF_DIRECT
    return known.get(error or "")


def card_label(job_id: str, name: str | None) -> str:
    """Return what to call a job's card, safe mrkdwn; ``name`` is the job's, if it has one."""
    return f"Card for {job_mention_with_id(job_id, name, MAX_ID_LENGTH)}"


def digest_label(changes: int) -> str:
    """Return what to call a digest, safe mrkdwn."""
    return f"Digest of {counted(changes, 'change')}"


def outbox_message(
    rows: Sequence[UndeliveredRow], *, total: int, waiting: int, waits_for: float | None, done: str = ""
) -> Message:
    """Return the list of undelivered messages, oldest first.

    Args:
        rows: the oldest of them.
        total: how many there are.
        waiting: how many messages are pending.
        waits_for: seconds since the oldest of those was enqueued.
        done: result of the last action on them, safe mrkdwn.
    """
    head = [section(done)] if done else []
    pending = _pending(waiting, waits_for)
    if not rows:
        text = f"No failed messages. {pending}" if waiting else "No undelivered messages."
        return Message(fallback_text(f"{done} {text}".strip()), [*head, section(text)])
    visible = rows[:MAX_ROWS]
    title = f"{counted(total, 'message')} couldn't be delivered"
    others = f"Showing the oldest {len(visible)} of {total}; the rest will appear as these are delivered."
    note = f"{others} {pending}" if total > len(visible) else pending
    blocks = [*head, section(f"*{title}*"), *map(_row, range(len(visible)), visible)]
    if total > 1:
        label = f"Retry all {total} messages"
        blocks.append(actions(button(f"Retry all ({total})", RETRY_ALL, ALL_MESSAGES, accessibility_label=label)))
    return Message(_outbox_fallback(f"{done} {title}".strip(), visible, total), [*blocks, context(note)])


def _row(nth: int, row: UndeliveredRow) -> Block:
    why, fix = delivery_error(row.error, row.channel) or _UNKNOWN
    advice = f"{why} {fix} ({code_span(row.error or '?', 40)}, ref {row.id})"
    head = f"{row.what} · {channel_mention(row.channel)} · since {format_date(row.since)}"
    # A long name must not cost the reader the fix and the ref.
    head = truncate_markup(head, _MAX_ROW_LENGTH - len(advice) - 1)
    label = f"Retry {row.what.translate(_WITHOUT_MARKS)}"
    retry = button("Retry", f"{RETRY}:{nth}", str(row.id), accessibility_label=label)
    return section(f"{head}\n{advice}", accessory=retry)


def _pending(count: int, age: float | None) -> str:
    if not count:
        return "No messages pending."
    since = format_duration(age or 0.0)
    return f"1 message pending for {since}." if count == 1 else f"{count} messages pending, the oldest for {since}."


def _outbox_fallback(title: str, rows: Sequence[UndeliveredRow], total: int) -> str:
    items = [f"{row.what} ({safe_text(row.error or 'no reason', 40)})" for row in rows[:_MAX_IN_FALLBACK]]
    if total > _MAX_IN_FALLBACK:
        items.append(f"and {total - _MAX_IN_FALLBACK} more")
    return fallback_text(f"{title}: {'; '.join(items)}.")
