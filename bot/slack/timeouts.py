"""Timeouts of deliveries."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveryTimeouts:
    """Timeouts and intervals of deliveries, in seconds. A test may shorten all of them in proportion."""

    timeout: float = 10.0
    """Timeout of one attempt to post."""
    visibility_delay: float = 15.0
    """Time until a message that Slack took without confirming it appears in the history."""
    lookup: float = 5.0
    """Timeout of one lookup in a channel's history."""
    lookup_interval: float = 10.0
    """Time between a failed lookup and the next one."""
    lookup_limit: float = 120.0
    """Time of failed lookups after which an unconfirmed message is sent again, marked as a possible duplicate.

    It is counted in failed lookups, ``lookup_interval`` apart: time without a lookup does not count.
    """
    channel_interval: float = 1.0
    """Time between two messages to one channel (https://docs.slack.dev/apis/web-api/rate-limits)."""
    lease: float = 30.0
    """Lease on a claimed delivery, in case the worker dies."""
    lease_margin: float = 2.0
    """What must be left of a lease, beyond ``timeout``, for an attempt to begin."""

    def __post_init__(self) -> None:
        """Reject values under which two workers could post the same delivery."""
        if self.lease < self.lookup + self.timeout + 2 * self.lease_margin:
            raise ValueError("A lease must outlast a lookup and an attempt.")

    def shortened(self, factor: float) -> "DeliveryTimeouts":
        """Return all timeouts divided by ``factor``."""
        return DeliveryTimeouts(**{name: seconds / factor for name, seconds in vars(self).items()})


DELIVERY_TIMEOUTS = DeliveryTimeouts()

CHANNEL_INTERVAL = DELIVERY_TIMEOUTS.channel_interval
