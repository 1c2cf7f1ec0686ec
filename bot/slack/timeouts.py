"""What posting needs to know of time: how long delivery waits for what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveryTimeouts:
    """How long delivery waits for what, in seconds. A test may shorten all of it in proportion."""

    timeout: float = 10.0
    """For Slack's answer to one attempt."""
    visibility_delay: float = 15.0
    """For Slack to show a message that it accepted without saying so."""
    lookup: float = 5.0
    """For one search among a channel's messages."""
    lookup_interval: float = 10.0
    """Between two searches of which the first could not see."""
    lookup_limit: float = 120.0
    """For a search that works, before a message in doubt is sent again, marked as a possible repeat.

    It is counted in searches that could not see, ``lookup_interval`` apart: time in which nobody looked is no blindness.
    """
    channel_interval: float = 1.0
    """Between two messages to a channel (https://docs.slack.dev/apis/web-api/rate-limits)."""
    lease: float = 30.0
    """For a sender that claimed a delivery and then died."""
    lease_margin: float = 2.0
    """What has to be left of a lease, beyond ``timeout``, for an attempt to begin."""

    def __post_init__(self) -> None:
        """Refuse values under which two senders could post one delivery."""
        if self.lease < self.lookup + self.timeout + 2 * self.lease_margin:
            raise ValueError("A lease must outlast a look-up and an attempt.")

    def shortened(self, factor: float) -> "DeliveryTimeouts":
        """Return the same patience, ``factor`` times as short."""
        return DeliveryTimeouts(**{name: seconds / factor for name, seconds in vars(self).items()})


DELIVERY_TIMEOUTS = DeliveryTimeouts()

CHANNEL_INTERVAL = DELIVERY_TIMEOUTS.channel_interval
