"""Slack: what comes in (`gate`, `socket`, `listeners`, `slash`, `buttons`), what is done (`dispatch`), what goes out."""
