"""The callbacks of a real training of a tiny random model, in order, each with what was to be seen then."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def events() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of each callback and the state at it; a recording holds only what changed since the one before."""
    state: dict[str, Any] = {}
    for event in json.loads(Path(os.environ["RECORDING"]).read_text())[mode()]:
        state |= event
        yield event["callback"], state


def mode() -> str:
    """Return how the training went: "ok", "crash" or "cancel"."""
    return os.environ["RECORDED_TRAINING"]
