"""Listeners for everything Slack sends: verify, parse, authorize, run, reply."""
