"""Directory: users, user groups and shared channels, asked of Slack and cached."""
