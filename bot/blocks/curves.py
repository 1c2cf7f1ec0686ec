"""Training curves, as an image uploaded to Slack or as sparklines."""

from collections.abc import Sequence

from bot.blocks.card import sparkline
from bot.blocks.parts import Block, Message, bold, context, plain, safe_text, section, strip_invisible, truncate
from bot.jobs.results import Curve

MAX_ALT_TEXT_LENGTH = 2000


def curves_image(file: str, alt_text: str) -> Block:
    """Return an image block for a file uploaded to Slack; screen readers say ``alt_text``."""
    return {
        "type": "image",
        "slack_file": {"id": file},
        "alt_text": truncate(" ".join(strip_invisible(alt_text).split()), MAX_ALT_TEXT_LENGTH),
    }


def curves_message(name: str, file: str, alt_text: str) -> Message:
    """Return a message with the image of a job's curves; ``name`` is its display name, untrusted."""
    text = f"Training chart for {safe_text(alt_text, MAX_ALT_TEXT_LENGTH)}"
    return Message(text, [section(f"Training chart for {bold(name)}"), curves_image(file, alt_text)])


def has_image(message: Message) -> bool:
    """Whether a message has an image uploaded to Slack."""
    return any("slack_file" in block for block in message.blocks)


def without_images(message: Message) -> Message:
    """Return a message without images uploaded to Slack."""
    return Message(message.text, [block for block in message.blocks if "slack_file" not in block])


def sparkline_message(name: str, curves: Sequence[Curve], why: str) -> Message:
    """Return curves as sparklines; arguments as in `curves_message`; ``why`` there is no image, safe mrkdwn."""
    lines = [f"`{sparkline([value for _, value in curve.points])}` {_curve_range(curve)}" for curve in curves]
    text = f"Training chart for {plain(name)}: {'; '.join(map(_curve_range, curves))}"
    return Message(text, [section("\n".join([f"Training chart for {bold(name)}", *lines])), context(why)])


def _curve_range(curve: Curve) -> str:
    (first_step, first), (last_step, last) = curve.points[0], curve.points[-1]
    return f"{safe_text(curve.name)} {first:.4g} at step {first_step:,} → {last:.4g} at step {last_step:,}"
