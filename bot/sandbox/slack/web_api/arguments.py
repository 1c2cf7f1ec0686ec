"""Arguments of a Web API call: from the query, a form, or JSON."""

import json
from typing import Any

from aiohttp import web

_JSON_FIELDS = ("blocks", "attachments", "metadata", "view")


async def arguments_of(http: web.Request) -> dict[str, Any]:
    """Return a call's arguments from the query, the form or the JSON body; JSON inside a form is decoded.

    A token is accepted in a form only: in the query Slack accepts none from apps created after February 2021, in JSON never.
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
