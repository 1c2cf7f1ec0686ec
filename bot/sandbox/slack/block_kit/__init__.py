"""Block Kit: validation of messages and views, as Slack and this project require."""
