"""What the documents say of each other, and of what is made by hand, is there."""

import shlex

from devstack.repository import KAFKA_DATA
from tests.kubernetes import readme
from tests.kubernetes.manifests import COMPONENT, KUBERNETES, NAME, PART_OF, SANDBOX, Manifests, selects


def test_every_config_map_and_secret_is_made_and_used(manifests: Manifests) -> None:
    assert set(manifests.config_maps_referred_to()) == set(manifests.config_maps)
    assert set(manifests.secrets_referred_to()) == set(manifests.secrets)


def test_production_makes_no_secret_of_its_own(production: Manifests) -> None:
    assert production.of("Secret") == {}
    assert set(production.secrets_made_by_hand) > {"kafka-credentials", "certificate-authorities"}


def test_no_variable_comes_twice(manifests: Manifests) -> None:
    for name, workload in manifests.workloads.items():
        sources = [
            manifests.config_maps[reference["configMapRef"]["name"]]
            if "configMapRef" in reference
            else manifests.secrets[reference["secretRef"]["name"]]
            for reference in workload.container["envFrom"]
        ]
        variables = [key for source in sources for key in source] + [
            variable["name"] for variable in workload.container.get("env", ())
        ]
        assert len(variables) == len(set(variables)), name


def test_topics_are_those_of_the_one_file(manifests: Manifests) -> None:
    mounted = manifests.workloads["topics"].mounts["/topics.toml"]["configMap"]["name"]
    assert manifests.config_maps[mounted] == {"topics.toml": (KAFKA_DATA / "topics.toml").read_text()}


def test_deployments_and_services_select_their_own_pods_and_no_others(manifests: Manifests) -> None:
    workloads = manifests.workloads
    selectors = {
        deployment["metadata"]["name"]: deployment["spec"]["selector"] for deployment in manifests.deployments
    }
    services = {
        name: {"matchLabels": service["spec"]["selector"]}
        for name, service in manifests.of("Service").items()
    }
    assert set(selectors) == set(services)
    for name, selector in [*selectors.items(), *services.items()]:
        assert [workload for workload in workloads if selects(selector, workloads[workload].labels)] == [name]


def test_every_deployment_has_a_disruption_budget_that_lets_one_go(manifests: Manifests) -> None:
    budgets = manifests.of("PodDisruptionBudget")
    deployments = {deployment["metadata"]["name"] for deployment in manifests.deployments} - {SANDBOX}
    assert set(budgets) == deployments
    for name, budget in budgets.items():
        selected = [
            workload.name
            for workload in manifests.workloads.values()
            if selects(budget["spec"]["selector"], workload.labels)
        ]
        assert selected == [name]
        assert budget["spec"]["maxUnavailable"] == 1


def test_every_api_is_scaled_and_nothing_else_says_how_many_there_are(manifests: Manifests) -> None:
    autoscalers = manifests.of("HorizontalPodAutoscaler")
    apis = {name for name, workload in manifests.workloads.items() if workload.labels.get(COMPONENT) == "api"}
    assert set(autoscalers) == apis
    assert len(apis) == 4
    for name, autoscaler in autoscalers.items():
        assert autoscaler["spec"]["scaleTargetRef"] == {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": name,
        }
        # An apply would set it back.
        assert "replicas" not in manifests.workloads[name].document["spec"]
        # Utilization is relative to it.
        assert "cpu" in manifests.workloads[name].container["resources"]["requests"]


def test_prometheus_measures_every_process(production: Manifests) -> None:
    (monitor,) = production.of("ServiceMonitor").values()
    services = production.of("Service")
    measured = {
        name
        for name, service in services.items()
        if selects(monitor["spec"]["selector"], service["metadata"].get("labels", {}))
    }
    assert measured == {deployment["metadata"]["name"] for deployment in production.deployments}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["path"] == "/metrics"
    for name in measured:
        assert endpoint["port"] in {port["name"] for port in services[name]["spec"]["ports"]}, name


def test_the_selectors_of_an_upgrade_divide_the_documents(manifests: Manifests) -> None:
    """README applies what has no component, the jobs, and the processes by themselves."""
    for document in manifests.documents:
        kind, labels = document["kind"], document["metadata"].get("labels", {})
        if labels.get(NAME) == SANDBOX:
            continue
        match kind:
            case "Deployment":
                assert labels[COMPONENT] in {"api", "worker"}
            case "Job":
                assert labels[COMPONENT] == "job"
            case _:
                assert COMPONENT not in labels, kind
        if kind in {"Deployment", "Job"}:
            template = document["spec"]["template"]["metadata"]["labels"]
            assert template == labels
            assert template[PART_OF] == "shop"
    steps = [f"!{COMPONENT}", f"{COMPONENT}=job", f"{COMPONENT} in (api, worker)"]
    assert [selector for command, selector in readme_selectors() if command == "apply"] == steps
    assert {selector for _, selector in readme_selectors()} == set(steps)


def readme_selectors() -> list[tuple[str, str]]:
    """kubectl's command and its selector, for each line of README that has one."""
    return [
        (command[1], command[command.index("--selector") + 1])
        for command in readme.commands()
        if "--selector" in command
    ]


def test_every_file_that_is_named_in_readme_s_commands_is_there() -> None:
    words = [word.removeprefix("--file=") for command in readme.commands() for word in command]
    paths = {word for word in words if word.startswith("deploy/")}
    assert len(paths) >= 6
    missing = [path for path in paths if not (KUBERNETES.parents[1] / path).exists()]
    assert missing == [], shlex.join(missing)
