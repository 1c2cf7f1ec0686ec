"""The registry of verbs, one row each, and the parser that finds the verb of a typed text. Pure."""

import re
import unicodedata
from dataclasses import replace
from typing import Any

from rapidfuzz import fuzz, process

from bot.blocks.parts import strip_invisible
from bot.commands import (
    about,
    actions,
    audit,
    checkpoints,
    confirm,
    create,
    curves,
    dismiss,
    events,
    models,
    mute,
    outbox,
    settings,
    status,
    subscribe,
    subscriptions,
    track,
    tracked,
    unmute,
    unsubscribe,
    untrack,
)
from bot.commands import help as help_
from bot.commands import list as list_
from bot.commands.arguments import CREDENTIAL_TYPED, echo
from bot.commands.command import Command, Requester
from bot.commands.filters import read_account, stands_alone
from bot.commands.permissions import Permission
from bot.commands.tokenizer import EMPTY, as_typed, split, unescaped, unusual_character
from bot.commands.usage import Usage, usage_error
from bot.commands.verb import Effect, Verb
from bot.errors import UserError
from bot.jobs.ids import JobPages, parse_foreign_id, parse_job_id
from bot.providers.registry import installed_job_pages
from bot.telemetry.redaction import holds_secret
from bot.text import REPLACEMENT_CHARACTER

_CLOSE_ENOUGH = 60
_AND = ("and", "&amp;", "&")
_SHORTEST_ALONE = 12
"""Characters of an id of unknown shape that is taken for one without a verb before it."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_BIDIRECTIONAL = frozenset("LRE RLE LRO RLO PDF LRI RLI FSI PDI".split())
"""The bidirectional controls (Unicode, UAX 9)."""


def _parse_help(words: list[str], requester: Requester) -> help_.HelpCommand:
    if len(words) > 1:
        raise usage_error(help_.USAGE, f"Name one command at a time. Leave out {echo(words[1])}.")
    usages = (USAGES[resolve_verb(words[0])],) if words else tuple(USAGES.values())
    return help_.HelpCommand(requester, usages=usages)


_OPERATE = Permission.OPERATE
_CHANGES_CHANNEL, _STOPS_ALERTS = Effect.CHANGES_CHANNEL, Effect.STOPS_ALERTS
_REQUESTS_ACTION, _EXECUTES_ACTION = Effect.REQUESTS_ACTION, Effect.EXECUTES_ACTION
_ROWS: tuple[Verb[Any], ...] = (
    # The typed ones, in the order in which help shows them.
    Verb(status.StatusCommand, status.run, status.USAGE, status.parse),
    Verb(list_.ListCommand, list_.run, list_.USAGE, list_.parse),
    Verb(track.TrackCommand, track.run, track.USAGE, track.parse, effect=_CHANGES_CHANNEL),
    Verb(untrack.UntrackCommand, untrack.run, untrack.USAGE, untrack.parse, effect=_STOPS_ALERTS, is_local=True),
    Verb(tracked.TrackedCommand, tracked.run, tracked.USAGE, tracked.parse),
    Verb(subscribe.SubscribeCommand, subscribe.run, subscribe.USAGE, subscribe.parse, effect=_CHANGES_CHANNEL),
    Verb(subscriptions.SubscriptionsCommand, subscriptions.run, subscriptions.USAGE, subscriptions.parse),
    Verb(unsubscribe.UnsubscribeCommand, unsubscribe.run, unsubscribe.USAGE, unsubscribe.parse, effect=_STOPS_ALERTS),
    Verb(mute.MuteCommand, mute.run, mute.USAGE, mute.parse, effect=_STOPS_ALERTS, is_local=True),
    Verb(unmute.UnmuteCommand, unmute.run, unmute.USAGE, unmute.parse, effect=_CHANGES_CHANNEL, is_local=True),
    Verb(settings.SettingsCommand, settings.run, settings.USAGE, settings.parse, effect=_CHANGES_CHANNEL),
    Verb(events.EventsCommand, events.run, events.USAGE, events.parse),
    Verb(checkpoints.CheckpointsCommand, checkpoints.run, checkpoints.USAGE, checkpoints.parse),
    Verb(curves.CurvesCommand, curves.run, curves.USAGE, curves.parse, effect=_CHANGES_CHANNEL),
    Verb(actions.CancelCommand, actions.run, actions.CANCEL, actions.parse_cancel, _OPERATE, _REQUESTS_ACTION),
    Verb(actions.PauseCommand, actions.run, actions.PAUSE, actions.parse_pause, _OPERATE, _REQUESTS_ACTION),
    Verb(actions.ResumeCommand, actions.run, actions.RESUME, actions.parse_resume, _OPERATE, _REQUESTS_ACTION),
    Verb(create.CreateCommand, create.run, create.USAGE, create.parse, _OPERATE, _REQUESTS_ACTION, opens_modal=True),
    Verb(models.ModelsCommand, models.run, models.USAGE, models.parse),
    Verb(outbox.OutboxCommand, outbox.run, outbox.USAGE, outbox.parse, _OPERATE),
    Verb(audit.AuditCommand, audit.run, audit.USAGE, audit.parse, _OPERATE, is_local=True),
    Verb(about.AboutCommand, about.run, about.USAGE, about.parse),
    Verb(help_.HelpCommand, help_.run, help_.USAGE, _parse_help, Permission.NONE),
    # Those of buttons and forms.
    Verb(status.DetailsCommand, status.run_details, opens_modal=True),
    Verb(confirm.ConfirmCommand, confirm.run, permission=_OPERATE, effect=_EXECUTES_ACTION),
    Verb(dismiss.DismissCommand, dismiss.run, is_local=True),
    Verb(outbox.RetryCommand, outbox.run_retry, permission=_OPERATE, effect=_CHANGES_CHANNEL),
)
VERBS: dict[str, Verb[Any]] = {each.command.verb: each for each in _ROWS}
"""Every verb, by its name."""
USAGES: dict[str, Usage] = {name: verb.usage for name, verb in VERBS.items() if verb.usage}
"""How each verb is typed that can be typed."""
_PARSERS = {name: verb.parse for name, verb in VERBS.items() if verb.parse}
ALIASES = {
    "?": "help",
    "-h": "help",
    "--help": "help",
    "ls": "list",
    "jobs": "list",
    "watch": "track",
    "unwatch": "untrack",
    "rm": "untrack",
}
_NAMES = {name: name for name in USAGES} | ALIASES
_SPELLED = [word for word in _NAMES if word.isalpha()]


def parse(text: str, requester: Requester, job_pages: JobPages | None = None) -> Command:
    """Return the command that ``text`` is: help where it is empty, the job's status where it is a job's id alone.

    Args:
        text: what was typed.
        requester: who typed it.
        job_pages: pages whose URLs stand for their jobs, besides those that all dialects know.

    Raises:
        UserError: it is no command; says what would be one.
    """
    text = _SURROGATE.sub(REPLACEMENT_CHARACTER, text)
    if holds_secret(strip_invisible(unescaped(text))):
        raise UserError(CREDENTIAL_TYPED)
    pages = JobPages((*(job_pages or JobPages()).prefixes, *installed_job_pages().prefixes))
    words = [pages.find(word) or word for word in map(_trimmed, split(text, stands_alone)) if word]
    if not words:
        return _parse_help([], requester)
    if _is_id_alone(words[0]):
        words.insert(0, status.StatusCommand.verb)
    name, arguments = resolve_verb(words[0]), words[1:]
    between = range(1, len(arguments) - 1)
    kept = [word for n, word in enumerate(arguments) if n not in between or word.casefold() not in _AND]
    account = None
    if VERBS[name].names_job:
        kept, account = read_account(USAGES[name], kept)
    command: Command = _PARSERS[name](kept, requester)
    if account is None:
        return command
    if not command.job_ids and not (isinstance(command, status.StatusCommand) and command.words):
        raise usage_error(USAGES[name], "`account:` only works with a job.")
    return replace(command, account=account)


def resolve_verb(word: str) -> str:
    """Return the name of the verb that a word is, or stands for.

    Raises:
        UserError: it is none; names the one that is spelled alike.
    """
    folded = unicodedata.normalize("NFKC", word).casefold()
    if folded in _NAMES:
        return _NAMES[folded]
    nearest = process.extractOne(folded, _SPELLED, scorer=fuzz.ratio, score_cutoff=_CLOSE_ENOUGH)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else ""
    strange = unusual_character(as_typed(word))
    raise UserError(f"Unknown command {echo(word)}.{strange}{hint} See `/ftjob help`.")


def _trimmed(word: str) -> str:
    """Strip zero-width spaces and byte-order marks, which copied text brings along; a word of nothing else becomes "".

    Other invisible characters stay, so that errors can name them: they may reverse the direction of a line.
    """
    is_empty = all(unicodedata.category(each) in ("Cc", "Cf") and not _is_bidirectional(each) for each in word)
    return "" if is_empty else word.strip(EMPTY)


def _is_bidirectional(character: str) -> bool:
    return unicodedata.bidirectional(character) in _BIDIRECTIONAL


def _is_id_alone(word: str) -> bool:
    return parse_job_id(word) is not None or (
        len(word) >= _SHORTEST_ALONE and any(map(str.isdigit, word)) and parse_foreign_id(word) is not None
    )
