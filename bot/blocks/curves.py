"""What training measured, in text and as a picture that Slack has."""

from collections.abc import Sequence

from bot.blocks.card import sparkline
from bot.blocks.parts import Block, Message, code, context, cut, plain, section, tidy
from bot.jobs.results import Curve

LONGEST_ALT_TEXT = 2000


def picture(file: str, says: str) -> Block:
    """Draw a picture by Slack's id of its file; ``says`` is what a screen reader says."""
    return {
        "type": "image",
        "slack_file": {"id": file},
        "alt_text": cut(" ".join(tidy(says).split()), LONGEST_ALT_TEXT),
    }


def shown(job_id: str, file: str, says: str) -> Message:
    """Draw a message that shows a picture of a job's curves."""
    return Message(
        f"Curves of {plain(says, LONGEST_ALT_TEXT)}", [section(f"*Curves* of {code(job_id)}"), picture(file, says)]
    )


def has_picture(message: Message) -> bool:
    """Whether a message shows a picture that Slack has."""
    return any("slack_file" in block for block in message.blocks)


def without_picture(message: Message) -> Message:
    """Return a message without the pictures that Slack has."""
    return Message(message.text, [block for block in message.blocks if "slack_file" not in block])


def sparklines(job_id: str, curves: Sequence[Curve], why: str) -> Message:
    """Draw curves as text, for where there is no picture; ``why`` there is none is already safe."""
    lines = [f"`{sparkline([value for _, value in curve.points])}` {_words(curve)}" for curve in curves]
    said = "; ".join(_words(curve) for curve in curves)
    return Message(
        f"Curves of {plain(job_id)}: {said}",
        [section(f"*Curves* of {code(job_id)}\n" + "\n".join(lines)), context(why)],
    )


def _words(curve: Curve) -> str:
    (first_step, first), (last_step, last) = curve.points[0], curve.points[-1]
    return f"{plain(curve.name)} {first:.4g} at step {first_step:,} → {last:.4g} at step {last_step:,}"
