"""Ten thousand strings that nobody should send, through all that reads or shows text."""

import re
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.blocks.parts import code_span, preformatted, safe_text, user_mention
from bot.commands.command import Requester
from bot.commands.registry import parse
from bot.errors import UserError
from bot.jobs.models import Job
from tests.deep import max_examples

REQUESTER = Requester("U1", "C1", "T1")
VERBS = ["", "status ", "cancel ", "track ", "list ", "audit ", "help "]
PIECES = st.sampled_from(
    [
        "<!channel>",
        "<@U1>",
        "<http://x|y>",
        "&",
        "`",
        "```",
        "ftjob-",
        "\0",
        "\u202e",
        "\u200b",
        "../",
        "%00",
        "{0}",
        "'",
    ]
)
TEXTS = st.lists(st.one_of(st.text(max_size=20), PIECES), max_size=8).map("".join)
ALIVE = re.compile(r"[<>]|&(?!amp;|lt;|gt;)")


@settings(
    max_examples=max_examples(10_000, 1_500), deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(verb=st.sampled_from(VERBS), text=TEXTS)
def test_nothing_raises_undeclared_errors_and_nothing_is_interpreted_as_markup(verb: str, text: str) -> None:
    with suppress(UserError):
        parse(verb + text, REQUESTER)
    with suppress(ValidationError):
        Job.model_validate({"id": text, "status": text, "model": text, "metadata": {text: text}, "error": text})
    assert not ALIVE.search(safe_text(text))
    assert not ALIVE.search(code_span(text))
    assert user_mention(text) == f"<@{text}>" or not ALIVE.search(user_mention(text))
    assert preformatted(text)["elements"][0]["elements"][0]["text"]
