"""An overlay as kustomize renders it, and questions about it."""

import base64
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devstack.repository import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("development", "production")
NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
PART_OF = "app.kubernetes.io/part-of"
SANDBOX = "provider-sandbox"

Document = dict[str, Any]
Keys = dict[str, str]
"""A ConfigMap's or a Secret's keys with their values."""


@dataclass(frozen=True)
class Workload:
    """A Deployment or a Job. Each has one container."""

    document: Document

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    @property
    def is_job(self) -> bool:
        return bool(self.document["kind"] == "Job")

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return dict(self.document["spec"]["template"]["metadata"]["labels"])

    @property
    def pod(self) -> Document:
        return dict(self.document["spec"]["template"]["spec"])

    @property
    def container(self) -> Document:
        (container,) = self.pod["containers"]
        return dict(container)

    @property
    def ports(self) -> dict[str, int]:
        return {port["name"]: port["containerPort"] for port in self.container.get("ports", ())}

    @property
    def mounts(self) -> dict[str, Document]:
        """The volumes by the path at which they are seen."""
        volumes = {volume["name"]: volume for volume in self.pod.get("volumes", ())}
        return {
            mount["mountPath"]: volumes[mount["name"]] for mount in self.container.get("volumeMounts", ())
        }


@dataclass(frozen=True)
class Manifests:
    """All documents of one overlay. Its Secrets are those that it makes and those that are made by hand."""

    overlay: str
    documents: tuple[Document, ...]
    secrets_made_by_hand: Mapping[str, Keys]

    def of(self, kind: str) -> dict[str, Document]:
        return {
            document["metadata"]["name"]: document for document in self.documents if document["kind"] == kind
        }

    @property
    def workloads(self) -> dict[str, Workload]:
        return {
            workload.name: workload
            for workload in map(Workload, (*self.deployments, *self.of("Job").values()))
        }

    @property
    def deployments(self) -> tuple[Document, ...]:
        return tuple(self.of("Deployment").values())

    @property
    def config_maps(self) -> dict[str, Keys]:
        return {name: config_map.get("data", {}) for name, config_map in self.of("ConfigMap").items()}

    @property
    def secrets(self) -> dict[str, Keys]:
        made_here = {
            name: {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
            for name, secret in self.of("Secret").items()
        }
        return {**self.secrets_made_by_hand, **made_here}

    def environment(self, workload: Workload) -> Keys:
        """The variables that a container is started with, those of its image aside."""
        variables: Keys = {}
        for source in workload.container.get("envFrom", ()):
            if "configMapRef" in source:
                variables |= self.config_maps[source["configMapRef"]["name"]]
            else:
                variables |= self.secrets[source["secretRef"]["name"]]
        return variables | {
            variable["name"]: variable["value"] for variable in workload.container.get("env", ())
        }

    def secrets_referred_to(self) -> Iterator[str]:
        for workload in self.workloads.values():
            yield from (
                source["secretRef"]["name"]
                for source in workload.container["envFrom"]
                if "secretRef" in source
            )
            yield from (
                volume["secret"]["secretName"] for volume in workload.pod["volumes"] if "secret" in volume
            )

    def config_maps_referred_to(self) -> Iterator[str]:
        for workload in self.workloads.values():
            references = (source.get("configMapRef") for source in workload.container["envFrom"])
            yield from (reference["name"] for reference in references if reference)
            yield from (
                volume["configMap"]["name"] for volume in workload.pod["volumes"] if "configMap" in volume
            )


def render(kustomize: Path, overlay: str, manifests: Path = KUBERNETES) -> tuple[Document, ...]:
    """Run kustomize. Raises an error with what it says if it can't build the overlay."""
    done = subprocess.run(
        [kustomize, "build", manifests / "overlays" / overlay], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        raise ValueError(f"kustomize build {overlay}: {done.stderr}")
    return tuple(yaml.safe_load_all(done.stdout))


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector, as Kubernetes reads it, matches."""
    equal = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return equal and all(_holds(expression, labels) for expression in selector.get("matchExpressions", ()))


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case operator:
            raise ValueError(f"{operator} is not used here yet")
