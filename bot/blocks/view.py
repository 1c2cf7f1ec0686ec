"""Modals: their view payload.

https://docs.slack.dev/reference/views/modal-views
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.parts import Block, Message, section

_READ_ONLY = "ftjob_shown"


@dataclass(frozen=True)
class View:
    """A modal; its ``title`` has up to 24 characters."""

    title: str
    blocks: Sequence[Block]
    callback_id: str = _READ_ONLY
    """Identifies the form when it is submitted."""
    submit_label: str | None = None
    """Label of the submit button; None for a modal without a form."""
    private_metadata: str = ""
    """Sent back with the form. A client could change it, so never trust it."""

    def payload(self) -> Block:
        """Return the view payload."""
        body: Block = {
            "type": "modal",
            "callback_id": self.callback_id,
            "title": _plain(self.title),
            "close": _plain("Cancel" if self.submit_label else "Close"),
            "blocks": list(self.blocks),
        }
        return body | (
            {"submit": _plain(self.submit_label), "private_metadata": self.private_metadata}
            if self.submit_label
            else {}
        )


LOADING = View("ftjob", [section(":hourglass_flowing_sand: Loading…")])
"""Shown until the contents are ready: a modal must open within 3 seconds of its trigger."""


def message_view(message: Message) -> View:
    """Return a modal with the contents of a message."""
    return View("ftjob", message.blocks or [section(message.text)])


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
