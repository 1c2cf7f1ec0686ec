"""What training measured, in text and as a picture that Slack has."""

from collections.abc import Sequence

from bot.blocks.card import sparkline
from bot.blocks.parts import Block, Message, code, context, plain, section, tidy
from bot.jobs.results import Curve

LONGEST_ALT_TEXT = 2000


def picture(file: str, says: str) -> Block:
    """Draw a picture by Slack's id of its file; ``says`` is what a screen reader says."""
    return {"type": "image", "slack_file": {"id": file}, "alt_text": tidy(says)[:LONGEST_ALT_TEXT]}


def sparklines(job_id: str, curves: Sequence[Curve]) -> Message:
    """Draw curves as text, for where there is no picture."""
    lines = [f"`{sparkline([value for _, value in curve.points])}` {_words(curve)}" for curve in curves]
    said = "; ".join(_words(curve) for curve in curves)
    why = "No picture: it could not be drawn, or Slack did not take it (`ftjob check` says what is missing)."
    return Message(
        f"Curves of {plain(job_id)}: {said}",
        [section(f"*Curves* of {code(job_id)}\n" + "\n".join(lines)), context(why)],
    )


def _words(curve: Curve) -> str:
    (first_step, first), (last_step, last) = curve.points[0], curve.points[-1]
    return f"{plain(curve.name)} {first:.4g} at step {first_step:,} → {last:.4g} at step {last_step:,}"
