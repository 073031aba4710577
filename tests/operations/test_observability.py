"""Prometheus beside the stack: it finds every process, and what dashboard and alerts ask for is there."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import docker
import httpx
import pytest

from devstack.compose_stack import ComposeStack
from devstack.free_ports import find_free_ports
from devstack.repository import ROOT
from tests.support.compose_commands import compose
from tests.support.shop import ShopClient
from tests.support.waiting import wait_until

OVERRIDE = ("--file", "deploy/compose/observability.yml")
MONITORING = ROOT / "deploy" / "monitoring"
PROCESSES = {
    "coupon-api": 1, "coupon-watch": 1, "coupon-worker": 1, "order-api": 1, "order-worker": 1,
    "notification-api": 1, "notification-consumer": 3, "outbox-relay": 2, "load-balancer": 1, "prometheus": 1,
}  # fmt: skip
METRIC = re.compile(r"\b(?:up|ALERTS|[a-z]+_[a-z_]+)\b(?=\{|\[|\)| |$)")
# Functions and labels look like metrics.
NOT_METRICS = {"histogram_quantile"}
OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


@pytest.fixture(scope="module")
def prometheus(stack: ComposeStack) -> Iterator[httpx.Client]:
    """Prometheus itself, as a container of the stack while these tests last."""
    port = find_free_ports(1, excluded=stack.ports.model_dump().values())[0]
    try:
        compose(
            stack, OVERRIDE, "up", "--detach", "--no-deps", "--wait", "prometheus",
            variables={"PROMETHEUS_PORT": str(port)},
        )  # fmt: skip
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
            yield client
    finally:
        compose(stack, OVERRIDE, "rm", "--stop", "--force", "--volumes", "prometheus")
        docker.from_env().volumes.get(f"{stack.project_name}_prometheus-data").remove()


def ask(prometheus: httpx.Client, path: str, **parameters: str) -> Any:
    answer = prometheus.get(path, params=parameters).json()
    assert answer["status"] == "success", (parameters, answer)
    return answer["data"]


def alerts(prometheus: httpx.Client) -> list[dict[str, Any]]:
    """The rules that Prometheus has read."""
    return [rule for group in ask(prometheus, "/rules", type="alert")["groups"] for rule in group["rules"]]


def queries_of_dashboard() -> dict[str, str]:
    """What Grafana asks for, by panel and number."""
    dashboard = json.loads((MONITORING / "grafana" / "dashboards" / "shop.json").read_text())
    return {
        f"{panel['title']}, {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }


def metrics_of(expression: str) -> set[str]:
    """The names of the metrics in an expression, a histogram's without its suffix."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\b(by|on|without) \([^)]*\)', "", expression)
    names = set(METRIC.findall(bare)) - NOT_METRICS
    return {OF_HISTOGRAM.sub("", name) for name in names}


def test_every_container_of_ours_is_a_target_and_answers(prometheus: httpx.Client) -> None:
    def all_answer() -> bool:
        targets = ask(prometheus, "/targets", state="active")["activeTargets"]
        return Counter(target["labels"]["job"] for target in targets if target["health"] == "up") == PROCESSES

    wait_until(all_answer, "each process as a target that answers")


def test_lag_of_every_source_is_known_from_every_relay(prometheus: httpx.Client) -> None:
    def known() -> bool:
        found = ask(prometheus, "/query", query="outbox_relay_lag_seconds")["result"]
        relays = {(sample["metric"]["source"], sample["metric"]["instance"]) for sample in found}
        return Counter(source for source, _ in relays) == {"coupon": 2, "order": 2}

    wait_until(known, "the lag of both sources from both relays")


def test_all_that_dashboard_and_alerts_ask_for_exists(prometheus: httpx.Client, shop: ShopClient) -> None:
    shop.decided(shop.press(1, shop.create_coupon()))
    order_id = shop.place_order()
    shop.pay(order_id)
    shop.effects(order_id)
    asked = queries_of_dashboard() | {alert["name"]: alert["query"] for alert in alerts(prometheus)}
    assert len(asked) >= 20
    named = {name: metrics_of(expression) for name, expression in asked.items()}
    assert [name for name, metrics in named.items() if not metrics] == []
    wanted = set().union(*named.values()) - {"up", "ALERTS"}

    def missing() -> set[str]:
        return wanted - set(ask(prometheus, "/metadata"))

    wait_until(lambda: not missing(), "the metrics that are asked for", 15)
    for expression in asked.values():
        ask(prometheus, "/query", query=expression)


def test_no_alert_is_on_its_way_while_all_is_well(prometheus: httpx.Client) -> None:
    def active() -> list[str]:
        rules = alerts(prometheus)
        return [rule["name"] for rule in rules if rule["health"] != "ok" or rule["state"] != "inactive"]

    # An alert that isn't true any more is inactive with the next evaluation.
    wait_until(lambda: not active(), "all rules to be judged, and none to be true", 60)
    assert len(alerts(prometheus)) >= 9
