"""Notices: messages about outages, recoveries, actions and the bot itself, rendered from their stored facts."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from bot.blocks.job import status_label
from bot.blocks.outbox import delivery_error
from bot.blocks.parts import (
    Message,
    channel_mention,
    code_span,
    fallback_text,
    format_date,
    format_duration,
    in_days,
    safe_text,
    section,
    user_mention,
)
from bot.jobs.actions import ACTION_WORDING, JobAction
from bot.jobs.models import DEFAULT_ACCOUNT

_MAX_MODELS = 8


class NoticeKind(StrEnum):
    """Kind of a notice, and the facts that are stored with it."""

    ACCOUNT_FAILING = "account_failing"
    """facts: since, error."""
    ACCOUNT_RECOVERED = "account_back"
    """facts: since, until."""
    JOB_UNREADABLE = "job_unread"
    """facts: account, since, error."""
    JOB_LARGE = "job_large"
    """facts: job (its ID, or None), account, size (bytes), is_read (whether it can be read at all)."""
    FLAPPING = "flapping"
    """facts: before, after (statuses), account."""
    SLACK_RECOVERED = "slack_back"
    """facts: since, until, late (number of late alerts)."""
    CHANNEL_CLOSED = "channel_closed"
    """facts: error, waiting (number of parked alerts)."""
    STORE_LOST = "store_lost"
    """No facts."""
    STORE_OLDER = "store_older"
    """No facts."""
    ACTIONS_REFUSED = "orders_refused"
    """facts: error."""
    WELCOME = "welcome"
    """No facts."""
    DEPRECATION = "retirement"
    """facts: ends (the shutdown date), days (how many are left), jobs (ID and model of each), account (if there are several)."""
    ACTION_SUBMITTED = "order_given"
    """facts: verb, person."""
    ACTION_COMPLETED = "order_ended"
    """facts: verb, how (in the words of the headline), said (the result, safe mrkdwn)."""


def notice_message(body: Mapping[str, Any]) -> Message:
    """Return a notice; ``body`` has its ``kind``, what it is ``about``, and its facts."""
    text = _TEXTS[NoticeKind(body["kind"])](body)
    return Message(fallback_text(text), [section(text)])


def _account_failing(body: Mapping[str, Any]) -> str:
    return (
        f":warning: The fine-tuning API of account {code_span(body['about'])} cannot be read since {format_date(body['since'])}: "
        f"{_error_sentence(body)} Nothing is lost: what changes meanwhile is told when it answers again. "
        "`ftjob check` on the bot's machine says what to do."
    )


def _error_sentence(body: Mapping[str, Any]) -> str:
    """Return an API's error as a sentence; some errors already end with a period."""
    return f"{safe_text(body['error'], 300).rstrip('.')}."


def _account_recovered(body: Mapping[str, Any]) -> str:
    lasted = format_duration(body["until"] - body["since"])
    return (
        f":white_check_mark: The fine-tuning API of account {code_span(body['about'])} answers again, after {lasted}. "
        "What changed meanwhile is being told."
    )


def _job_unreadable(body: Mapping[str, Any]) -> str:
    return (
        f":warning: I can't read the job {code_span(body['about'])}{_of_account(body)} since {format_date(body['since'])}: "
        f"{_error_sentence(body)} All other jobs are fine. I keep trying, and tell what changed once it "
        f"can be read. To stop that, type {code_span('/ftjob untrack ' + body['about'])} where it is tracked."
    )


def _flapping(body: Mapping[str, Any]) -> str:
    return (
        f":repeat: The job {code_span(body['about'])}{_of_account(body)} keeps changing between *{status_label(body['before'])}* and "
        f"*{status_label(body['after'])}*. I post no more of these changes until it's quiet for 10 minutes, then a summary. Its "
        "card goes on being updated, and I post its result at once."
    )


def _of_account(body: Mapping[str, Any]) -> str:
    """Return the account of a job, if there are several."""
    return f" of account {code_span(body['account'])}" if body.get("account") else ""


def _job_large(body: Mapping[str, Any]) -> str:
    job = (f"The job {code_span(body['job'])}" if body["job"] else "A job") + _of_account(body)
    if body["is_read"]:
        return (
            f":information_source: {job} is {body['size'] / 2**20:.0f} MiB large. I read it alone and shorten its "
            "long texts; its alerts and all other jobs are as ever. A shorter grader or method makes it quicker to read."
        )
    behind = "" if body["job"] else " New jobs that are listed behind it can't be seen; track them by their id."
    return (
        f":warning: {job} is too large to be read in the list of jobs, so it is not announced.{behind} All other "
        "jobs are fine. A shorter grader or method makes it readable."
    )


def _slack_recovered(body: Mapping[str, Any]) -> str:
    late = int(body["late"])
    alerts = {0: "No alert was due.", 1: "1 alert comes late."}.get(late, f"{late} alerts come late.")
    return (
        f":white_check_mark: Slack could not be reached from {format_date(body['since'])} on, for "
        f"{format_duration(body['until'] - body['since'])}. {alerts} None is lost."
    )


def _channel_closed(body: Mapping[str, Any]) -> str:
    waiting = int(body["waiting"])
    alerts = "1 alert waits" if waiting == 1 else f"{waiting} alerts wait"
    head = f":warning: I cannot post to {channel_mention(body['about'])} ({code_span(body['error'])}): {alerts} for it."
    reason = delivery_error(body["error"], body["about"])
    if reason is None:
        return f"{head} Invite me there with `/invite @ftjob`, or unarchive it, and they are told, in order."
    why, fix = reason
    return f"{head} {why} {fix}".replace("then retry", "then let an operator retry with `/ftjob outbox`")


def _store_lost(_body: Mapping[str, Any]) -> str:
    return (
        ":warning: My database was missing or empty when I started, so I forgot who tracks what. Jobs are taken as they "
        "are now; nothing is announced of the past. Type `/ftjob subscribe` or `/ftjob track` again where it is wanted, "
        "or stop me and put a backup in its place."
    )


def _store_older(_body: Mapping[str, Any]) -> str:
    return (
        ":warning: My database is older than what I last wrote to it: its log file was removed while I was stopped, or an "
        "old copy was put in its place. What people set since then is gone: check with `/ftjob list` who tracks what. For "
        "a day, I look for each alert in Slack before I send it, so none comes twice."
    )


def _actions_refused(body: Mapping[str, Any]) -> str:
    ours = "OPENAI_WRITE_API_KEY, or OPENAI_API_KEY where that is not set"
    key = ours if body["about"] == DEFAULT_ACCOUNT else "docs/accounts.md says which that is"
    return (
        f":warning: The fine-tuning API of account {code_span(body['about'])} does not take orders from the key of this bot: "
        f"{_error_sentence(body)} Give the key for orders ({key}) the right to write fine-tuning jobs, then restart the bot."
    )


def _welcome(_body: Mapping[str, Any]) -> str:
    return (
        ":wave: I watch fine-tuning jobs and tell this channel when they change: one card for each job, its steps in the "
        "card's thread, the end in the channel.\nType `/ftjob subscribe` to follow every new job here, or `/ftjob track` "
        "and a job's id to follow one. `/ftjob help` shows the rest; I say nothing until you do."
    )


def _deprecation(body: Mapping[str, Any]) -> str:
    jobs, left = body["jobs"], in_days(body["days"])
    models = [f"• {code_span(model, 120)} of {code_span(job_id, 60)}" for job_id, model in jobs[:_MAX_MODELS]]
    hidden = len(jobs) - _MAX_MODELS
    account = f" in account {code_span(body['account'])}" if body.get("account") else ""
    base_model, ends = code_span(body["about"], 80), safe_text(body["ends"])
    title = f":hourglass: *Models made of {base_model}{account} stop on {ends}, {left}.*"
    return "\n".join(
        [
            f"{title} From then on they answer nobody. Made by jobs that are tracked here:",
            *models,
            *([f"and {hidden} more"] if hidden > 0 else []),
            "Train them again on a model that stays. `/ftjob models` shows all, with the days they have left.",
        ]
    )


def _action_submitted(body: Mapping[str, Any]) -> str:
    verb = safe_text(body["verb"]).capitalize()
    emoji, person = ACTION_WORDING[JobAction(body["verb"])].emoji, user_mention(body["person"])
    return f"{emoji} *{verb} ordered* · {code_span(body['about'])} · by {person}"


def _action_completed(body: Mapping[str, Any]) -> str:
    verb = safe_text(body["verb"]).capitalize()
    sign = ":white_check_mark:" if body["how"] == "carried out" else ":warning:"
    return f"{sign} *{verb} {body['how']}* · {code_span(body['about'])}\n{body['said']}"


_TEXTS = {
    NoticeKind.ACCOUNT_FAILING: _account_failing,
    NoticeKind.ACCOUNT_RECOVERED: _account_recovered,
    NoticeKind.JOB_UNREADABLE: _job_unreadable,
    NoticeKind.JOB_LARGE: _job_large,
    NoticeKind.FLAPPING: _flapping,
    NoticeKind.SLACK_RECOVERED: _slack_recovered,
    NoticeKind.CHANNEL_CLOSED: _channel_closed,
    NoticeKind.STORE_LOST: _store_lost,
    NoticeKind.STORE_OLDER: _store_older,
    NoticeKind.ACTIONS_REFUSED: _actions_refused,
    NoticeKind.WELCOME: _welcome,
    NoticeKind.DEPRECATION: _deprecation,
    NoticeKind.ACTION_SUBMITTED: _action_submitted,
    NoticeKind.ACTION_COMPLETED: _action_completed,
}
