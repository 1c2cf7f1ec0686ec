"""Slack's Web API, one function per method; ``METHODS`` has them all by name."""

from bot.sandbox.slack.web_api import chat, conversations, files, people, views
from bot.sandbox.slack.web_api.method import METHODS, Call, Method

__all__ = ["METHODS", "Call", "Method", "chat", "conversations", "files", "people", "views"]
