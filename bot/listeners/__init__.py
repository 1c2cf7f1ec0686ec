"""Listeners: what Slack sends comes in here, is authorized, answered, and its errors are reported."""
