"""The network policies let through what each process needs, and nothing else."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.kubernetes import readme
from tests.kubernetes.manifests import COMPONENT, SANDBOX, Manifests, Workload, selects

POSTGRESQL = 5432
PROVIDERS = 443
TRACES_COLLECTOR = 4318
ALERTMANAGER = 9093
INGRESS = {"shop.example/ingress": "true"}
MONITORING = {"shop.example/monitoring": "true"}


def rules(manifests: Manifests, workload: Workload, direction: str) -> Iterator[dict[str, Any]]:
    """The rules of a direction, "ingress" or "egress", that hold for a workload's pods."""
    for policy in manifests.of("NetworkPolicy").values():
        if selects(policy["spec"]["podSelector"], workload.labels):
            yield from policy["spec"].get(direction, ())


def may_call(manifests: Manifests, workload: Workload, port: int, host: str | None = None) -> bool:
    """Whether pods may open connections to a port: of any address, or of the workload called ``host``."""
    target = manifests.workloads.get(host or "")
    for rule in rules(manifests, workload, "egress"):
        inside = [peer["podSelector"] for peer in rule.get("to", ())]
        if inside and not (target and any(selects(pods, target.labels) for pods in inside)):
            continue
        if any(
            allowed["port"] <= port <= allowed.get("endPort", allowed["port"]) for allowed in rule["ports"]
        ):
            return True
    return False


def urls(manifests: Manifests, workload: Workload) -> list[tuple[str, int]]:
    """Host and port of everything that a process's variables tell it to call."""
    defaults = {"http": 80, "https": PROVIDERS, "postgresql": POSTGRESQL}
    found = []
    for variable, value in manifests.environment(workload).items():
        if variable == "KAFKA_BOOTSTRAP_SERVERS":
            split = [urlsplit(f"kafka://{address}") for address in value.split(",")]
        else:
            split = [urlsplit(value)] if "://" in value else []
        found += [(str(url.hostname), url.port or defaults[url.scheme]) for url in split]
    return found


def test_every_pod_is_closed_by_default(manifests: Manifests) -> None:
    for name, workload in manifests.workloads.items():
        closed = {
            direction
            for policy in manifests.of("NetworkPolicy").values()
            if selects(policy["spec"]["podSelector"], workload.labels)
            for direction in policy["spec"]["policyTypes"]
        }
        assert closed == {"Ingress", "Egress"}, name


def test_production_closes_pods_of_others_too(production: Manifests) -> None:
    assert production.of("NetworkPolicy")["default-deny"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_every_process_reaches_what_its_variables_name(manifests: Manifests) -> None:
    for name, workload in manifests.workloads.items():
        called = urls(manifests, workload)
        assert called or name == SANDBOX
        for host, port in called:
            assert may_call(manifests, workload, port, host), f"{name} to {host}:{port}"


def test_every_process_that_calls_a_server_resolves_names(manifests: Manifests) -> None:
    for name, workload in manifests.workloads.items():
        protocols = {
            port["protocol"]
            for rule in rules(manifests, workload, "egress")
            for port in rule["ports"]
            if port["port"] == 53
        }
        assert protocols == (set() if name == SANDBOX else {"UDP", "TCP"}), name


def test_no_process_reaches_what_it_has_no_use_for(manifests: Manifests) -> None:
    check_uses(manifests)


def test_processes_that_pay_reach_a_real_gateway(production_with_toss: Manifests) -> None:
    check_uses(production_with_toss)
    may_pay = {
        name
        for name, workload in production_with_toss.workloads.items()
        if may_call(production_with_toss, workload, PROVIDERS)
    }
    assert may_pay == {"order-api", "order-worker", "notification-consumer"}


def check_uses(manifests: Manifests) -> None:
    """Each process reaches the ports of what its variables name, and no others."""
    for name, workload in manifests.workloads.items():
        variables = manifests.environment(workload)
        uses = {
            POSTGRESQL: any(variable.endswith("DATABASE_URL") for variable in variables),
            9092: "KAFKA_BOOTSTRAP_SERVERS" in variables,
            9096: "KAFKA_BOOTSTRAP_SERVERS" in variables,
            PROVIDERS: "ALIMTALK_URL" in variables
            or variables.get("PAYMENT_GATEWAY", "in-process") != "in-process",
            ALERTMANAGER: "KAFKA_BOOTSTRAP_SERVERS" in variables,
            TRACES_COLLECTOR: not workload.is_job and name != SANDBOX,
            80: False,
            6443: False,
        }
        assert {port: may_call(manifests, workload, port) for port in uses} == uses, name


def test_narrower_policies_for_kafka_leave_alertmanager_to_consumers(manifests: Manifests) -> None:
    policies = manifests.of("NetworkPolicy")
    pods = policies["to-alertmanager"]["spec"]["podSelector"]
    names = [name for name, workload in manifests.workloads.items() if selects(pods, workload.labels)]
    assert names == ["notification-consumer"]
    (rule,) = policies["to-alertmanager"]["spec"]["egress"]
    assert rule == {"ports": [{"protocol": "TCP", "port": ALERTMANAGER}]}


def test_only_clients_reach_apis_and_only_prometheus_the_metrics(
    manifests: Manifests,
) -> None:
    allowed_by_component: dict[str, list[dict[str, str]]] = {
        "api": [INGRESS, MONITORING],
        "worker": [MONITORING],
        "job": [],
    }
    for name, workload in manifests.workloads.items():
        if name == SANDBOX:
            continue
        allowed = []
        for rule in rules(manifests, workload, "ingress"):
            assert [port["port"] for port in rule["ports"]] == ["http"], name
            namespaces = [peer["namespaceSelector"] for peer in rule["from"] if "namespaceSelector" in peer]
            allowed += [namespace["matchLabels"] for namespace in namespaces]
        assert allowed == allowed_by_component[workload.labels[COMPONENT]], name


def test_of_the_shop_s_own_pods_only_order_service_reaches_an_api(manifests: Manifests) -> None:
    callers = {
        (caller, name)
        for name, workload in manifests.workloads.items()
        if name != SANDBOX
        for rule in rules(manifests, workload, "ingress")
        for peer in rule["from"]
        if "podSelector" in peer
        for caller, other in manifests.workloads.items()
        if selects(peer["podSelector"], other.labels)
    }
    assert callers == {("order-api", "coupon-api"), ("order-worker", "coupon-api")}
    called = {
        (caller, name)
        for caller, workload in manifests.workloads.items()
        for name in ("coupon-api", "order-api", "notification-api")
        if may_call(manifests, workload, manifests.workloads[name].ports["http"], name)
    }
    assert called == callers


def test_only_consumers_reach_the_sandbox(development: Manifests) -> None:
    workloads = development.workloads
    (rule,) = rules(development, workloads[SANDBOX], "ingress")
    (source,) = rule["from"]
    assert [name for name in workloads if selects(source["podSelector"], workloads[name].labels)] == [
        "notification-consumer"
    ]
    assert list(rules(development, workloads[SANDBOX], "egress")) == []


def test_readme_labels_the_namespaces_that_may_connect() -> None:
    labels = {command[4] for command in readme.commands() if command[:3] == ["kubectl", "label", "namespace"]}
    assert labels == {
        f"{key}={value}" for selector in (INGRESS, MONITORING) for key, value in selector.items()
    }
