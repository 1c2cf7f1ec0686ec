"""Slack Web API client: posts, updates, lookups, views, file uploads, and who users are."""
