"""Web API of the stand-in Slack, one function per method; ``METHODS`` holds them by name."""

from bot.sandbox.slack.web_api import chat, conversations, files, users, views
from bot.sandbox.slack.web_api.method import METHODS, Method, MethodCall

__all__ = ["METHODS", "Method", "MethodCall", "chat", "conversations", "files", "users", "views"]
