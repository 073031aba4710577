"""The manifests run what docker-compose.yml runs: the same commands, variables and ports."""

import pytest

from tests.kubernetes.manifests import COMPONENT, SANDBOX, Manifests, Workload
from tests.support.compose_file import ComposeFile, ComposeService

ONLY_IN_COMPOSE = {
    "postgresql": "managed, or run outside of the namespace",
    "kafka": "managed, or run outside of the namespace",
    "databases": "run by hand with an administrator's password, which no pod should have",
    "load-balancer": "Services balance, and an Ingress or a Gateway is the way in",
}
OTHER_VALUES = {
    "KAFKA_BOOTSTRAP_SERVERS": "a broker's usual port: compose's own has a listener more, for the host",
}
API_REPLICAS_AT_MOST = 10
"""As many as the load balancer looks for."""

Pairs = list[tuple[str, ComposeService, Workload]]


@pytest.fixture
def pairs(compose: ComposeFile, manifests: Manifests) -> Pairs:
    """Each service with its workload, by name."""
    workloads = manifests.workloads
    return [
        (name, service, workloads[name]) for name, service in compose.services.items() if name in workloads
    ]


def test_every_service_has_a_workload_and_every_workload_a_service(
    compose: ComposeFile, manifests: Manifests
) -> None:
    assert compose.names - set(compose.services) == set(ONLY_IN_COMPOSE)
    expected = set(compose.services) - ({SANDBOX} if manifests.overlay == "production" else set())
    assert set(manifests.workloads) == expected


def test_a_job_is_a_job(pairs: Pairs) -> None:
    for name, service, workload in pairs:
        assert workload.is_job == service.is_job, name


def test_images_have_the_same_names(pairs: Pairs, manifests: Manifests) -> None:
    for name, service, workload in pairs:
        image = workload.container["image"]
        if manifests.overlay == "production":
            registry, _, tagged = image.rpartition("/")
            assert registry, name
            image, _, tag = tagged.partition(":")
            assert tag not in {"", "latest"}, name
        assert image == service.image_name, name


def test_commands_are_the_same(pairs: Pairs) -> None:
    for name, service, workload in pairs:
        assert workload.container["args"] == service.command, name
        assert "command" not in workload.container, name


def test_variables_are_the_same(pairs: Pairs, manifests: Manifests) -> None:
    """But those that the compose file only passes on, and whose defaults are the process's own."""
    for name, service, workload in pairs:
        found = set(manifests.environment(workload))
        given = {variable for variable, value in service.environment.items() if value}
        assert given <= found <= set(service.environment), name


def test_values_of_development_are_the_defaults_of_compose(
    compose: ComposeFile, development: Manifests
) -> None:
    for name, workload in development.workloads.items():
        environment = development.environment(workload)
        wanted = compose.services[name].environment
        different = {variable for variable in wanted if environment.get(variable, "") != wanted[variable]}
        assert different <= set(OTHER_VALUES), name


def test_ports_are_the_same(pairs: Pairs, compose: ComposeFile, manifests: Manifests) -> None:
    for name, service, workload in pairs:
        if service.is_job:
            assert workload.ports == {}, name
            continue
        assert workload.ports == {"http": service.port}, name
        (port,) = manifests.of("Service")[name]["spec"]["ports"]
        balanced = compose.balanced_ports.get(name, (service.port, service.port))
        assert (port["port"], workload.ports[port["targetPort"]]) == balanced, name
    assert set(compose.balanced_ports) <= {name for name, _, _ in pairs}
    assert len(compose.balanced_ports) == 4


def test_what_is_mounted_is_the_same(pairs: Pairs, manifests: Manifests) -> None:
    for name, service, workload in pairs:
        certificates = {"/etc/certificate-authorities"} if manifests.overlay == "production" else set()
        assert set(workload.mounts) == service.mounts | certificates, name


def test_limits_are_the_same(pairs: Pairs) -> None:
    for name, service, workload in pairs:
        limits = workload.container["resources"]["limits"]
        assert float(limits["cpu"]) == float(service.limits["cpus"]), name
        # Docker's m is what Kubernetes calls Mi.
        assert limits["memory"] == service.limits["memory"].removesuffix("m") + "Mi", name


def test_the_user_is_the_image_s(pairs: Pairs) -> None:
    for name, service, workload in pairs:
        context = workload.pod["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == service.image.user, name


def test_a_process_has_the_time_to_stop_that_compose_gives_it(pairs: Pairs) -> None:
    for name, service, workload in pairs:
        if service.is_job:
            continue
        slept = workload.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        # The time of preStop is part of a pod's.
        assert workload.pod["terminationGracePeriodSeconds"] >= slept + service.stop_grace_period_seconds, (
            name
        )
        assert bool(slept) == (workload.labels.get(COMPONENT) == "api"), name


def test_there_are_as_many_replicas(pairs: Pairs, manifests: Manifests) -> None:
    autoscalers = manifests.of("HorizontalPodAutoscaler")
    for name, service, workload in pairs:
        if service.is_job:
            continue
        if name not in autoscalers:
            assert workload.document["spec"]["replicas"] == service.replicas, name
            continue
        scale = autoscalers[name]["spec"]
        least = service.replicas if manifests.overlay == "development" else 2
        assert (scale["minReplicas"], scale["maxReplicas"]) == (least, API_REPLICAS_AT_MOST), name
