"""How a call's arguments arrive: in the address, as a form, or as JSON."""

import json
from typing import Any

from aiohttp import web

_JSON_FIELDS = ("blocks", "attachments", "metadata", "view")


async def arguments_of(http: web.Request) -> dict[str, Any]:
    """Read a call's arguments, wherever they are; JSON inside a form is read too.

    A token counts in a form alone: in an address Slack takes none from apps made after February 2021, beside JSON never.
    """
    arguments: dict[str, Any] = {name: value for name, value in http.query.items() if name != "token"}
    if http.content_type == "application/json":
        try:
            body = await http.json()
        except ValueError:
            body = None
        body = body if isinstance(body, dict) else {}
        return arguments | {name: value for name, value in body.items() if name != "token"}
    arguments |= dict(await http.post())
    for name in _JSON_FIELDS:
        if isinstance(arguments.get(name), str):
            try:
                arguments[name] = json.loads(arguments[name])
            except ValueError:
                continue
    return arguments
