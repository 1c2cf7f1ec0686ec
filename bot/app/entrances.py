"""Entrances: Slack's events over Socket Mode or HTTP, webhooks of fine-tuning APIs, calls of trainers, health and metrics."""

from contextlib import AsyncExitStack
from functools import partial

from bot.app.bot import Bot
from bot.app.tuning import Clocks
from bot.commands.registry import ALIASES, VERBS
from bot.jobs.models import DEFAULT_ACCOUNT
from bot.jobs.statuses import STATUS_WORDS
from bot.listeners.bolt import build_app
from bot.listeners.dispatch import Dispatcher
from bot.listeners.http import SlackHttpHandler
from bot.listeners.socket import socket_mode
from bot.push.handler import PREFIX, PushAccount, PushHandler, reserved_words
from bot.web import http_server
from bot.web.body import BodyReader
from bot.web.server import Handler
from bot.web.webhooks import WebhookHandler


async def open_entrances(stack: AsyncExitStack, bot: Bot, dispatcher: Dispatcher, clocks: Clocks) -> None:
    """Connect to Slack over Socket Mode and open the HTTP server, each where the settings ask for it."""
    settings = bot.settings
    if settings.slack_app_token:
        app = build_app(bot.slack.web, dispatcher)
        bot.socket = await stack.enter_async_context(
            socket_mode(app, settings.slack_app_token.get_secret_value(), settings.proxies)
        )
    if settings.listen_address:
        host, port = settings.listen_address
        routes = _routes(bot, dispatcher, clocks)
        bot.port = await stack.enter_async_context(
            http_server(host, port, routes=routes, broken_parts=bot.broken_parts)
        )


def _routes(bot: Bot, dispatcher: Dispatcher, clocks: Clocks) -> dict[str, Handler]:
    """Return the handlers of the HTTP server, by path."""
    settings, body_reader, routes = bot.settings, BodyReader(), dict[str, Handler]()
    if settings.slack_signing_secret and not settings.uses_socket_mode:
        secret = settings.slack_signing_secret.get_secret_value()
        app = build_app(bot.slack.web, dispatcher)
        routes["/slack/events"] = SlackHttpHandler(app, secret, body_reader=body_reader)
    for account in settings.accounts:
        if account.webhook_secrets:
            handler = WebhookHandler(
                account.name,
                [each.get_secret_value() for each in account.webhook_secrets],
                poll_soon=partial(bot.poll_soon, bot.pollers[account.name]),
                is_new=bot.store.actions.idempotency_keys.claim,
                body_reader=body_reader,
            )
            routes[f"/webhooks/openai/{account.name}"] = handler
            if account.name == DEFAULT_ACCOUNT:
                routes["/webhooks/openai"] = handler
    pushed = [each for each in settings.accounts if each.name in bot.push_receivers]
    if pushed:
        routes[PREFIX] = PushHandler(
            [PushAccount(each.name, each.push_tokens, bot.push_receivers[each.name]) for each in pushed],
            reserved=reserved_words([*VERBS, *ALIASES], STATUS_WORDS),
            body_reader=body_reader,
            clock=clocks.wall,
            monotonic=clocks.monotonic,
        )
    return routes
