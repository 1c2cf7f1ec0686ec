"""What is counted is readable by Prometheus, explained to people, and names nobody."""

import json
import re
from pathlib import Path

import aiohttp
import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from bot.sandbox.processes import free_port
from tests.world import World

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"
LABELS = {"account", "method", "status", "result", "kind", "outcome", "verb", "limit", "le", "state"}


def test_the_dashboard_and_the_alert_rules_ask_for_metrics_that_there_are() -> None:
    for file in ("grafana.json", "alerts.yml"):
        asked = re.findall(r"ftjob_[a-z_]+", (DOCS.parent / file).read_text())
        named = {name.removesuffix("_bucket") for name in asked}
        assert named
        assert named <= explained(), file


def test_the_dashboard_is_one_and_every_rule_says_what_to_do() -> None:
    dashboard = json.loads((DOCS.parent / "grafana.json").read_text())
    (group,) = yaml.safe_load((DOCS.parent / "alerts.yml").read_text())["groups"]

    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    assert all(rule["annotations"]["summary"] for rule in group["rules"])


def explained() -> set[str]:
    """Return every metric of the table in the docs."""
    return set(re.findall(r"^\| `(ftjob_\w+)` \|", DOCS.read_text(), re.MULTILINE))


def test_the_docs_explain_every_metric_and_no_other() -> None:
    ours = [family for family in REGISTRY.collect() if family.name.startswith("ftjob_")]

    assert explained() == {f"{each.name}_total" if each.type == "counter" else each.name for each in ours}


async def test_prometheus_reads_what_the_bot_counted_and_no_label_names_anybody(world: World) -> None:
    port = str(free_port())
    async with world.bot(PORT=port, FTJOB_HOST="127.0.0.1") as bot:
        job = world.api.add_job(status="running")
        await world.say(f"track {job}")
        world.api.change(job, status="cancelled")
        await world.until_delivered(job, "Canceled")
        await world.until_quiet(bot)
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.status == 200
            text = await answer.text()
        async with aiohttp.ClientSession() as session, session.post(f"http://127.0.0.1:{port}/metrics") as answer:
            assert answer.status == 405

    ours = {each.name: each for each in text_string_to_metric_families(text) if each.name.startswith("ftjob_")}
    samples = [sample for family in ours.values() for sample in family.samples]
    assert {label for sample in samples for label in sample.labels} <= LABELS
    assert job not in text
    assert world.ml.id not in text
    assert world.olivia.id not in text
    assert ours["ftjob_last_poll_success_timestamp_seconds"].samples[0].value > 1_790_000_000
    assert ours["ftjob_loop_lag_seconds"].samples
