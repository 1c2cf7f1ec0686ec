"""Where an answer goes: through a response URL that is Slack's, to Slack's Web API otherwise, and nowhere else."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.app.clients import open_slack
from bot.blocks.replies import note_message
from bot.commands.command import Reply
from bot.listeners.replies.responder import ReplyTarget, Responder, responding
from bot.sandbox.faults import Fault
from bot.sandbox.server import LoopbackServer, ServerResponse
from bot.slack.messages import OutgoingMessage
from bot.telemetry import metrics
from tests.world import World

OURS = Reply(note_message("Only for you."))


class ForeignServer(LoopbackServer):
    """A server that is nobody's business, and takes whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.app.router.add_route("*", "/{path:.*}", self._take)

    async def _take(self, http: web.Request) -> web.StreamResponse:
        return await self.serve(http, http.path, {}, lambda: ServerResponse({"ok": True}))


@pytest.fixture
async def foreign_server() -> AsyncIterator[ForeignServer]:
    async with ForeignServer() as started:
        yield started


@pytest.fixture
async def responder(world: World) -> AsyncIterator[Responder]:
    world.ml.members.setdefault(world.olivia.id)
    async with open_slack(world.settings()) as client, responding(client) as opened:
        yield opened


def refused() -> float:
    """Return how many response URLs were refused so far."""
    [family] = metrics.REJECTED_RESPONSE_URLS.collect()
    return next(sample.value for sample in family.samples if sample.name == "ftjob_rejected_response_urls_total")


async def url_for(world: World) -> str:
    """Return a response URL of the workspace; nobody listens to the command that it belongs to."""
    return (await world.olivia.command("help", world.ml)).response_url


FOREIGN = {
    "foreign: a cloud's metadata": "http://169.254.169.254/latest/meta-data/",
    "foreign: this machine": "http://localhost:{port}/commands/x",
    "foreign: this machine by number": "http://127.0.0.1:{port}/commands/x",
    "foreign: a host that begins alike": "https://hooks.slack.com.evil.example/commands/x",
    "foreign: a name before the host": "https://hooks.slack.com@evil.example/commands/x",
    "foreign: a name and password": "https://hooks.slack.com:443@127.0.0.1:{port}/commands/x",
    "foreign: a file": "file:///etc/passwd",
    "another port": "https://hooks.slack.com:444/commands/x",
    "the port itself": "https://hooks.slack.com:443/commands/x",
    "a name of Slack's own": "https://me@hooks.slack.com/commands/x",
    "upper case": "HTTPS://HOOKS.SLACK.COM/commands/x",
    "a host in upper case": "https://HOOKS.slack.com/commands/x",
    "no TLS": "http://hooks.slack.com/commands/x",
    "a dot at the end": "https://hooks.slack.com./commands/x",
    "no path": "https://hooks.slack.com",
    "a query at once": "https://hooks.slack.com?@127.0.0.1:{port}/",
    "a backslash": "https://hooks.slack.com\\@127.0.0.1:{port}/",
    "a line break": "https://hooks.slack.com\n.evil.example/",
    "a space before": " https://hooks.slack.com/commands/x",
    "no scheme": "//hooks.slack.com/commands/x",
    "another host of Slack's": "https://files.slack.com/commands/x",
    "half a bracket": "https://[::1/commands/x",
    "a word": "x",
}


@pytest.mark.parametrize("url", FOREIGN.values(), ids=FOREIGN.keys())
async def test_a_foreign_response_url_is_not_requested_but_counted_and_the_reply_still_arrives(
    world: World, foreign_server: ForeignServer, responder: Responder, url: str
) -> None:
    before = refused()
    await responder.send(ReplyTarget(world.ml.id, world.olivia.id, url.format(port=foreign_server.port)), OURS)
    assert len(foreign_server.request_log) == 0
    assert refused() == before + 1
    [shown] = world.slack.ephemerals
    assert (shown.text, shown.user) == ("Only for you.", world.olivia.id)
    assert world.slack.request_log.for_endpoint("response_url") == []


async def test_the_web_apis_origin_is_accepted(world: World, responder: Responder) -> None:
    before = refused()
    await responder.send(ReplyTarget(world.ml.id, world.olivia.id, await url_for(world)), OURS)
    assert [entry.status for entry in world.slack.request_log.for_endpoint("response_url")] == [200]
    assert refused() == before


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    world: World, foreign_server: ForeignServer, responder: Responder, status: int
) -> None:
    away = Fault("answer", status=status, headers={"Location": f"{foreign_server.origin}/elsewhere"})
    world.slack.faults.add("response_url", away)
    await responder.send(ReplyTarget(world.ml.id, world.olivia.id, await url_for(world)), OURS)
    assert len(foreign_server.request_log) == 0
    assert [shown.text for shown in world.slack.ephemerals] == ["Only for you."]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_message_does_not_follow_a_redirect(
    world: World, foreign_server: ForeignServer, responder: Responder, status: int
) -> None:
    away = Fault("answer", status=status, headers={"Location": f"{foreign_server.origin}/elsewhere"})
    world.slack.faults.add("chat.postMessage", away)
    answer = await responder.slack.post(OutgoingMessage(world.ml.id, note_message("For all."), key="1"))
    assert answer.maybe_posted
    assert len(foreign_server.request_log) == 0


@pytest.mark.parametrize("public", [False, True])
async def test_a_url_that_is_used_up_or_unknown_is_replaced_by_a_message(
    world: World, responder: Responder, *, public: bool
) -> None:
    url = await url_for(world)
    target = ReplyTarget(world.ml.id, world.olivia.id, url)
    for _ in range(6):
        await responder.send(target, OURS)
    await responder.send(
        ReplyTarget(world.ml.id, world.olivia.id, f"{world.slack.origin}/commands/T0/404"),
        Reply(note_message("For all."), public=public),
    )
    assert [entry.status for entry in world.slack.request_log.for_endpoint("response_url")] == [200] * 5 + [404] * 2
    assert len(world.slack.request_log.for_endpoint("chat.postEphemeral")) == 2 - public
    assert [message.text for message in world.ml.messages] == ["For all."] * public


LOST = Fault("drop", accepted=True)
SILENT = {
    "it was taken": LOST,
    "it was not taken": Fault("drop"),
    "it was taken, and nothing came": pytest.param(Fault("hang", accepted=True), marks=pytest.mark.deep),
}


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("fault", SILENT.values(), ids=SILENT.keys())
async def test_a_reply_that_may_have_arrived_is_not_sent_another_way(
    world: World, responder: Responder, fault: Fault, *, public: bool
) -> None:
    target = ReplyTarget(world.ml.id, world.olivia.id, await url_for(world))
    world.slack.faults.add("response_url", fault)
    await responder.send(target, Reply(note_message("Once."), public=public))
    shown = [*world.slack.ephemerals, *world.ml.messages]
    assert [each.text for each in shown] == ["Once."] * fault.accepted
    assert [entry.endpoint for entry in world.slack.request_log if entry.endpoint.startswith("chat.")] == []


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize(("status", "body"), [(404, "expired_url"), (500, ""), (429, "")])
async def test_a_reply_that_slack_rejected_is_sent_another_way(
    world: World, responder: Responder, status: int, body: str, *, public: bool
) -> None:
    target = ReplyTarget(world.ml.id, world.olivia.id, await url_for(world))
    world.slack.faults.add("response_url", Fault("answer", status=status, body=body))
    await responder.send(target, Reply(note_message("Once."), public=public))
    shown = [*world.slack.ephemerals, *world.ml.messages]
    assert [each.text for each in shown] == ["Once."]
