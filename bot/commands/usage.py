"""How each verb is written. Pure."""

from dataclasses import dataclass

from bot.blocks.parts import escape
from bot.commands.command import Verb
from bot.errors import UserError


@dataclass(frozen=True)
class Usage:
    """How a verb is written."""

    syntax: str
    description: str
    example: str


USAGE: dict[Verb, Usage] = {
    Verb.STATUS: Usage(
        "status <id>...", "show everything about a job, or a line for each of up to five", "status ftjob-abc123"
    ),
    Verb.LIST: Usage(
        "list [status]... [model:name*] [key=value]... [mine] [account:name] [n]",
        "show the newest jobs, or those that fit",
        "list failed 5 team=search",
    ),
    Verb.TRACK: Usage(
        "track <id>... [me | in #channel]", "tell this channel, or you alone, when jobs change", "track ftjob-abc123"
    ),
    Verb.UNTRACK: Usage("untrack <id>...|all", "stop telling this channel", "untrack ftjob-abc123"),
    Verb.TRACKED: Usage("tracked", "show what this channel tracks", "tracked"),
    Verb.SUBSCRIBE: Usage(
        "subscribe [status]... [model:name*] [key=value]... [mine] [account:name]",
        "track every new job here, or those that fit, and tell every change, or these statuses",
        "subscribe failed succeeded team=search",
    ),
    Verb.SUBSCRIPTIONS: Usage("subscriptions", "show what this channel is subscribed to", "subscriptions"),
    Verb.UNSUBSCRIBE: Usage(
        "unsubscribe [n | all | filter]",
        "end one subscription of this channel, by its number or its words, or all",
        "unsubscribe failed team=search",
    ),
    Verb.MUTE: Usage("mute <id>|all <time>", "hold alerts back for a while, then sum them up", "mute all 2h"),
    Verb.UNMUTE: Usage("unmute [id|all]", "end that now", "unmute"),
    Verb.SETTINGS: Usage(
        "settings [broadcast on|off] [size compact|full] [alerts all|failures]",
        "show or change what this channel gets",
        "settings broadcast off",
    ),
    Verb.EVENTS: Usage("events <id> [n]", "show the newest lines of a job's log", "events ftjob-abc123 20"),
    Verb.CHECKPOINTS: Usage("checkpoints <id>", "show the models saved on the way", "checkpoints ftjob-abc123"),
    Verb.CURVES: Usage("curves <id>", "share a picture of what training measured here", "curves ftjob-abc123"),
    Verb.CANCEL: Usage("cancel <id>", "end a job, after a question (operators only)", "cancel ftjob-abc123"),
    Verb.PAUSE: Usage("pause <id>", "hold a running job, after a question (operators only)", "pause ftjob-abc123"),
    Verb.RESUME: Usage(
        "resume <id>", "let a paused job go on, after a question (operators only)", "resume ftjob-abc123"
    ),
    Verb.CREATE: Usage("create [account:name]", "start a new job, by a form (operators only)", "create"),
    Verb.MODELS: Usage("models [account:name]", "show the fine-tuned models, and how long they have left", "models"),
    Verb.OUTBOX: Usage("outbox", "show what could not be delivered, to retry it (operators only)", "outbox"),
    Verb.AUDIT: Usage("audit [n] [denied] [@person] [id]", "show who tried what (operators only)", "audit 20"),
    Verb.ABOUT: Usage("about", "show the version, the project and the last look", "about"),
    Verb.HELP: Usage("help [verb]", "show this, or how one verb is written", "help track"),
}
"""Every verb that can be typed, in the order in which help shows them."""

ALIASES = {
    "?": Verb.HELP,
    "-h": Verb.HELP,
    "--help": Verb.HELP,
    "ls": Verb.LIST,
    "jobs": Verb.LIST,
    "watch": Verb.TRACK,
    "unwatch": Verb.UNTRACK,
    "rm": Verb.UNTRACK,
}


def usage_error(verb: Verb, problem: str) -> UserError:
    """Return what to tell somebody who wrote a verb in a way that does not fit: ``problem``, then how it is written."""
    usage = USAGE[verb]
    return UserError(f"{problem}\nUsage: `/ftjob {escape(usage.syntax)}`, as in `/ftjob {usage.example}`.")
