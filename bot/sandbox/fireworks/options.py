"""Options of the stand-in: what nothing public says of the service, and times."""

from dataclasses import dataclass


@dataclass
class FireworksOptions:
    """Switches that a test may set while the server runs."""

    strict_order: bool = False
    """Whether fields to order by have the names of the protocol alone, "create_time", and "createTime" is refused."""
    ignores_order: bool = False
    """Whether lists are by name whatever is requested."""
    hides_reasons: bool = False
    """Whether a failed job has the code OK and no message."""
    cancel_seconds: float = 5.0
    """Seconds that a job takes to stop, at speed 1."""
