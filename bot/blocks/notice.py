"""Notices: messages about outages, recoveries, actions and the bot itself, rendered from their stored facts."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from bot.blocks.outbox import delivery_error
from bot.blocks.parts import (
    Message,
    channel_mention,
    code_span,
    counted,
    fallback_text,
    format_date,
    format_day,
    format_duration,
    in_days,
    job_mention,
    safe_text,
    section,
    user_mention,
)
from bot.jobs.actions import ACTION_WORDING, JobAction
from bot.jobs.creation import REQUEST_PREFIX
from bot.jobs.models import DEFAULT_ACCOUNT

_MAX_MODELS = 8


class NoticeKind(StrEnum):
    """Kind of a notice, and the facts that are stored with it; a notice of an older version has no names."""

    ACCOUNT_FAILING = "account_failing"
    """facts: since, error."""
    ACCOUNT_RECOVERED = "account_back"
    """facts: since, until."""
    JOB_UNREADABLE = "job_unread"
    """facts: name, account, since, error."""
    JOB_LARGE = "job_large"
    """facts: job (its ID, or None), name, account, size (bytes), is_read (whether it can be read at all)."""
    FLAPPING = "flapping"
    """facts: name, account."""
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
    """facts: ends (the shutdown date), days (how many are left), jobs (ID and model of each), names (by ID), account (if
    there are several)."""
    TRAINING_ENDS = "training_ends"
    """The same facts, but for the last day on which jobs of the base model can be created."""
    ACTION_SUBMITTED = "order_given"
    """facts: name, verb, person."""
    ACTION_COMPLETED = "order_ended"
    """facts: name, verb, how (see ``_OUTCOMES``), said (the result, safe mrkdwn)."""


def notice_message(body: Mapping[str, Any]) -> Message:
    """Return a notice; ``body`` has its ``kind``, what it is ``about``, and its facts."""
    text = _TEXTS[NoticeKind(body["kind"])](body)
    return Message(fallback_text(text), [section(text)])


def _account_failing(body: Mapping[str, Any]) -> str:
    return (
        f":warning: The fine-tuning API for account {code_span(body['about'])} has been failing since "
        f"{format_date(body['since'])}: {_error_sentence(body)} No alerts are lost; you'll get them when it recovers. Run "
        "`ftjob check` on the bot's host to find the fix."
    )


def _error_sentence(body: Mapping[str, Any]) -> str:
    """Return an API's error as a sentence; some errors already end with a period."""
    return f"{safe_text(body['error'], 300).rstrip('.')}."


def _account_recovered(body: Mapping[str, Any]) -> str:
    lasted = format_duration(body["until"] - body["since"])
    return (
        f":white_check_mark: The fine-tuning API for account {code_span(body['about'])} is back after {lasted}. "
        "Catching up now."
    )


def _job_unreadable(body: Mapping[str, Any]) -> str:
    return (
        f":warning: I haven't been able to read job {_job(body)}{_in_account(body)} since "
        f"{format_date(body['since'])}: {_error_sentence(body)} Other jobs aren't affected. I'll keep trying and post what "
        f"changed once I can read it. To stop tracking it, run {code_span('/ftjob untrack ' + body['about'])} where it's tracked."
    )


def _flapping(body: Mapping[str, Any]) -> str:
    return (
        f":repeat: Job {_job(body)}{_in_account(body)} is changing too often. I'll hold its updates until it's been "
        "stable for 10 minutes, then post a summary. Its card stays up to date, and I'll post its result right away."
    )


def _job(body: Mapping[str, Any]) -> str:
    return job_mention(body["about"], body.get("name"))


def _in_account(body: Mapping[str, Any]) -> str:
    """Return the account of a job, if there are several."""
    return f" in account {code_span(body['account'])}" if body.get("account") else ""


def _job_large(body: Mapping[str, Any]) -> str:
    job = (f"Job {job_mention(body['job'], body.get('name'))}" if body["job"] else "A job") + _in_account(body)
    if body["is_read"]:
        return (
            f":information_source: {job} is {body['size'] / 1e6:.0f} MB, so I read it separately and shorten its long "
            "fields. Its alerts and all other jobs work as usual. Shorter grader or method settings make this faster."
        )
    others = (
        "Other jobs aren't affected."
        if body["job"]
        else "I also can't find new jobs that the API lists after it. To get updates on one of those, run `/ftjob track "
        "&lt;id&gt;`. Jobs that are already tracked aren't affected."
    )
    return (
        f":warning: {job} is too large to read in the job list, so I can't post about it. {others} "
        "To avoid this, use shorter grader or method settings in future jobs."
    )


def _slack_recovered(body: Mapping[str, Any]) -> str:
    late = int(body["late"])
    alerts = {0: "No alerts were delayed.", 1: "1 alert was delayed; none were lost."}.get(
        late, f"{late} alerts were delayed; none were lost."
    )
    return (
        f":white_check_mark: I couldn't use Slack for {format_duration(body['until'] - body['since'])}, starting "
        f"{format_date(body['since'])}. {alerts}"
    )


def _channel_closed(body: Mapping[str, Any]) -> str:
    waiting = int(body["waiting"])
    alerts = "1 alert is on hold" if waiting == 1 else f"{waiting} alerts are on hold"
    where = "in a DM" if body["about"].startswith("D") else f"to {channel_mention(body['about'])}"
    head = f":warning: I can't post {where} ({code_span(body['error'])}), so {alerts}."
    reason = delivery_error(body["error"], body["about"])
    if reason is None:
        return f"{head} Invite me with `/invite @ftjob`, or unarchive the channel, and I'll send them in order."
    why, fix = reason
    return f"{head} {why} {fix}".replace("then retry", "then have an operator retry with `/ftjob outbox`")


def _store_lost(_body: Mapping[str, Any]) -> str:
    return (
        ":warning: My database was missing or empty at startup, so all tracking was reset. I'm starting from each job's "
        "current status and won't announce anything from before. Run `/ftjob subscribe` or `/ftjob track` again where you "
        "need it, or stop the bot and restore a backup."
    )


def _store_older(_body: Mapping[str, Any]) -> str:
    return (
        ":warning: My database is missing recent writes: its write-ahead log (the -wal file) was removed while the bot was stopped, or an old copy "
        "was restored. Recent changes to tracking and settings were lost. Check what's left with `/ftjob tracked`. Some "
        "alerts may already have been posted, so I'll check Slack before I send them again. Any I can't check will be marked as "
        "possible duplicates."
    )


_KEY_IN_FILE = "If the account is in FTJOB_CONFIG, its key is in write_key_env (or key_env if that isn't set)."
_ACTION_KEYS = {
    DEFAULT_ACCOUNT: f"The key is in OPENAI_WRITE_API_KEY (or OPENAI_API_KEY if that isn't set). {_KEY_IN_FILE}",
    "azure": f"The key is in AZURE_OPENAI_API_KEY (or AZURE_OPENAI_AD_TOKEN if that isn't set). {_KEY_IN_FILE}",
}
"""Where the accounts of the environment have their key for actions; the configuration file may name one of its own so."""


def _actions_refused(body: Mapping[str, Any]) -> str:
    where = _ACTION_KEYS.get(body["about"], "The key is in the account's write_key_env (or key_env if that isn't set).")
    return (
        f":warning: The fine-tuning API for account {code_span(body['about'])} rejected ftjob's key for actions: "
        f"{_error_sentence(body)} Make sure the key is valid and has write access to fine-tuning jobs, then "
        f"restart the bot. {where}"
    )


def _welcome(_body: Mapping[str, Any]) -> str:
    return (
        ":wave: I track fine-tuning jobs and post updates here: one card per job, updates in its thread, the result in the "
        "channel.\nTo get started, type `/ftjob subscribe` (all new jobs) or `/ftjob track &lt;id&gt;` (one job). I'll stay quiet "
        "until then. `/ftjob help` lists everything else."
    )


def _deprecation(body: Mapping[str, Any]) -> str:
    jobs, names, left = body["jobs"], body.get("names", {}), in_days(body["days"])
    models = [
        f"• {code_span(model, 120)} from {job_mention(job_id, names.get(job_id), 60)}"
        for job_id, model in jobs[:_MAX_MODELS]
    ]
    hidden = len(jobs) - _MAX_MODELS
    base_model, ends = code_span(body["about"], 80), format_day(date.fromisoformat(body["ends"]))
    title = f":hourglass: *Models based on {base_model}{_in_account(body)} retire on {ends} ({left}).*"
    return "\n".join(
        [
            f"{title} After that they stop working. Affected models from jobs tracked here:",
            *models,
            *([f"and {hidden} more"] if hidden > 0 else []),
            "Retrain on a supported base model. `/ftjob models` shows when each of your models retires.",
        ]
    )


def _training_ends(body: Mapping[str, Any]) -> str:
    jobs, left = body["jobs"], in_days(body["days"])
    base_model, ends = code_span(body["about"], 80), format_day(date.fromisoformat(body["ends"]))
    title = f":hourglass: *The last day to fine-tune {base_model}{_in_account(body)} is {ends} ({left}).*"
    return (
        f"{title} {counted(len(jobs), 'model')} from jobs tracked here {'is' if len(jobs) == 1 else 'are'} based on it. After "
        "that day, new jobs need another base model. `/ftjob models` shows when each of your models retires."
    )


def _action_submitted(body: Mapping[str, Any]) -> str:
    emoji, person = ACTION_WORDING[JobAction(body["verb"])].emoji, user_mention(body["person"])
    return " · ".join([f"{emoji} *{_action(body)} requested*", *_job_of_action(body), f"by {person}"])


def _action(body: Mapping[str, Any]) -> str:
    return "Job creation" if body["verb"] == JobAction.CREATE else safe_text(body["verb"]).capitalize()


_OUTCOMES = {
    "carried out": ":white_check_mark: *{} completed*",
    "came too late": ":warning: *{} came too late*",
    "not confirmed": ":warning: *{} not confirmed*",
}
"""Headline of each result of an action; any other one is "not completed"."""


def _action_completed(body: Mapping[str, Any]) -> str:
    request = _action(body) if body["verb"] == JobAction.CREATE else f"{_action(body)} request"
    headline = _OUTCOMES.get(body["how"], ":warning: *{} not completed*").format(request)
    return " · ".join([headline, *_job_of_action(body)]) + f"\n{body['said']}"


def _job_of_action(body: Mapping[str, Any]) -> list[str]:
    """Return the job of an action; nothing if it was to be created and isn't known to exist."""
    return [] if body["about"].startswith(REQUEST_PREFIX) else [_job(body)]


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
    NoticeKind.TRAINING_ENDS: _training_ends,
    NoticeKind.ACTION_SUBMITTED: _action_submitted,
    NoticeKind.ACTION_COMPLETED: _action_completed,
}
