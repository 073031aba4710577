"""Every pod is confined, bounded and watched."""

from tests.kubernetes.manifests import COMPONENT, Manifests


def test_the_namespace_takes_none_but_restricted_pods(manifests: Manifests) -> None:
    (namespace,) = manifests.of("Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_pod_is_restricted(manifests: Manifests) -> None:
    for name, workload in manifests.workloads.items():
        pod, container = workload.pod, workload.container
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["enableServiceLinks"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod), name
        kinds = {kind for volume in pod["volumes"] for kind in set(volume) - {"name"}}
        assert kinds <= {"emptyDir", "configMap", "secret"}, name


def test_every_container_is_bounded(manifests: Manifests) -> None:
    for name, workload in manifests.workloads.items():
        resources = workload.container["resources"]
        assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}, name
        for volume in workload.pod["volumes"]:
            assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": None}), name


def test_every_process_is_asked_whether_it_lives_and_is_ready(manifests: Manifests) -> None:
    for name, workload in manifests.workloads.items():
        container = workload.container
        probes = {kind: container[kind]["httpGet"] for kind in container if kind.endswith("Probe")}
        if workload.is_job:
            assert probes == {}, name
            continue
        is_api = workload.labels.get(COMPONENT) == "api"
        assert probes == {
            "startupProbe": {"path": "/readyz" if is_api else "/healthz", "port": "http"},
            "livenessProbe": {"path": "/healthz", "port": "http"},
            "readinessProbe": {"path": "/healthz" if is_api else "/readyz", "port": "http"},
        }, name
        assert "http" in workload.ports, name


def test_a_new_pod_is_ready_before_an_old_one_goes(production: Manifests) -> None:
    for deployment in production.deployments:
        assert deployment["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        }


def test_a_job_ends_by_itself(manifests: Manifests) -> None:
    for name, job in manifests.of("Job").items():
        assert job["spec"]["activeDeadlineSeconds"] == 600, name
        assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never", name
