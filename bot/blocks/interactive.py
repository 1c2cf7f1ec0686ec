"""Interactive Block Kit elements: buttons, menus and the buttons that page through a list.

Limits: https://docs.slack.dev/reference/block-kit
"""

from collections.abc import Sequence

from bot.blocks.parts import Block, strip_invisible

SHOW_PAGE = "ftjob_page"
"""Action ID of a button that shows another page of a list."""
MAX_VALUE_LENGTH = 2000
MAX_OPTION_LENGTH = 150
"""Characters in the value of a menu's option."""
_ACTION_ID_LENGTH = 16
"""Characters that an option of a card's menu needs for its action ID and a space."""


def button(
    label: str,
    action_id: str,
    value: str,
    *,
    style: str | None = None,
    url: str | None = None,
    accessibility_label: str | None = None,
) -> Block:
    """Return a button; a screen reader says ``accessibility_label`` in place of the label."""
    block: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": action_id,
        "value": value,
    }
    extras = {
        "style": style,
        "url": url,
        "accessibility_label": accessibility_label and strip_invisible(accessibility_label)[:75],
    }
    return block | {key: extra for key, extra in extras.items() if extra}


def overflow_menu(action_id: str, options: Sequence[tuple[str, str, str | None]]) -> Block | None:
    """Return a menu behind three dots of up to five options, label, value and the URL that it opens; None without any.

    An option whose value is too long for Slack is left out.
    """
    elements = [
        option | ({"url": url} if url else {}) for label, value, url in options for option in _options([(label, value)])
    ]
    return {"type": "overflow", "action_id": action_id, "options": elements} if elements else None


def select_menus(placeholder: str, action_id: str, options: Sequence[tuple[str, str]]) -> list[Block]:
    """Return a row with a menu of up to 100 options, label and value; none without options that Slack takes."""
    elements = _options(options)
    menu = {"type": "static_select", "action_id": action_id, "placeholder": plain_text(placeholder)}
    return [actions(menu | {"options": elements})] if elements else []


def _options(options: Sequence[tuple[str, str]]) -> list[Block]:
    fitting = [(label, value) for label, value in options if len(value) <= MAX_OPTION_LENGTH]
    return [option(label, value) for label, value in fitting]


def job_value(job_id: str, account: str | None) -> str:
    """Return the value of a button or an option for a job: its ID and, where there are several accounts, the name of its own.

    An account that Slack has no room for is left out; the job is then looked for in all of them.
    """
    value = f"{job_id} {account}" if account else job_id
    return value if len(value) <= MAX_OPTION_LENGTH - _ACTION_ID_LENGTH else job_id


def older_button(command: str | None, what: str) -> list[Block]:
    """Return a button for the next, older page; ``command`` shows it, None for none; ``what`` names its items."""
    return _page_button("Older", command, f"Show older {what}")


def more_button(command: str, what: str) -> list[Block]:
    """Return a button for the next page; ``command`` shows it, ``what`` names its items."""
    return _page_button("More", command, f"Show more {what}")


def _page_button(label: str, command: str | None, accessibility_label: str) -> list[Block]:
    """Return a row with the button; none if its command is missing or does not fit into its value."""
    if command is None or len(command) > MAX_VALUE_LENGTH:
        return []
    return [actions(button(label, SHOW_PAGE, command, accessibility_label=accessibility_label))]


def actions(*buttons: Block) -> Block:
    """Return an actions block, a row of buttons."""
    return {"type": "actions", "elements": list(buttons)}


def option(label: str, value: str) -> Block:
    """Return an option of a menu."""
    return {"text": plain_text(label), "value": value}


def plain_text(text: str) -> Block:
    """Return a text object that Slack doesn't parse: a name may contain an emoji code."""
    return {"type": "plain_text", "text": text, "emoji": False}
