"""Slack's Web API, one function per method; ``METHODS`` has them all by name."""

from bot.sandbox.slack.web_api import chat, conversations, files, people, views
from bot.sandbox.slack.web_api.method import METHODS, Method, MethodCall

__all__ = ["METHODS", "Method", "MethodCall", "chat", "conversations", "files", "people", "views"]
