"""Stand-in for Slack: Web API, Socket Mode, signed requests, response URLs, modals and Home tabs."""
