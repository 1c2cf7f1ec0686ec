"""Slack: what comes in (`gate` or `socket`, then `listeners`), what is done (`dispatch`), what goes out (`gateway`)."""
