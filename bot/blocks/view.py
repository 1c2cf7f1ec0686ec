"""Windows (Slack calls them modals): what stands in one, as Slack wants it said.

https://docs.slack.dev/reference/views/modal-views
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.parts import Block, Message, section

_READ_ONLY = "ftjob_shown"


@dataclass(frozen=True)
class View:
    """A window: its ``title`` has 24 characters at the most."""

    title: str
    blocks: Sequence[Block]
    callback_id: str = _READ_ONLY
    """The name of the form that it is."""
    submit_label: str | None = None
    """What the button says that hands in the form; None where there is nothing to hand in."""
    private_metadata: str = ""
    """What comes back with the form. A person could change it, so it proves nothing."""

    def payload(self) -> Block:
        """Return it as Slack takes it."""
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
"""What is seen until there is something to see: a window has to be opened at once."""


def message_view(message: Message) -> View:
    """Return a window that says what a message would."""
    return View("ftjob", message.blocks or [section(message.text)])


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
