"""Each process takes the environment that its manifest gives it."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from pydantic_settings import BaseSettings

from servicekit.config import read_settings
from tests.kubernetes.manifests import Manifests, Workload
from tests.support.compose_file import ComposeFile, Image
from tests.support.process_settings import SETTINGS

CERTIFICATES = "/etc/certificate-authorities"


def read_as_process(
    manifests: Manifests, image: Image, workload: Workload, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> BaseSettings:
    """Read a process's settings from what it is started with; ``folder`` stands for what is mounted."""
    for variable in list(os.environ):
        monkeypatch.delenv(variable)
    mounted = workload.mounts.get(CERTIFICATES)
    for file in manifests.secrets[mounted["secret"]["secretName"]] if mounted else ():
        trustme.CA().cert_pem.write_to_path(folder / file)
    for variable, value in (image.environment | manifests.environment(workload)).items():
        monkeypatch.setenv(variable, value.replace(CERTIFICATES, str(folder)))
    return read_settings(SETTINGS[workload.name])


def test_every_process_takes_its_environment_and_listens_where_it_is_asked(
    manifests: Manifests, compose: ComposeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, workload in manifests.workloads.items():
        image = compose.services[name].image
        settings = read_as_process(manifests, image, workload, tmp_path, monkeypatch).model_dump()
        if not workload.is_job:
            listener = "admin" if "admin_port" in settings else "http"
            assert settings[f"{listener}_port"] == workload.ports["http"], name
            assert settings[f"{listener}_host"] == "0.0.0.0", name  # noqa: S104 - a pod has its own


def test_production_encrypts_and_checks_every_connection(production: Manifests) -> None:
    for name, workload in production.workloads.items():
        for variable, value in production.environment(workload).items():
            if variable.endswith("DATABASE_URL"):
                assert "sslmode=verify-full" in value, name
                assert f"sslrootcert={CERTIFICATES}/" in value, name
            elif variable == "KAFKA_SECURITY_PROTOCOL":
                assert value == "SASL_SSL", name
            elif variable == "COUPON_SERVICE_URL":
                # Its pods serve all of their clients so; it stays within the namespace.
                assert urlsplit(value).hostname in production.workloads, name
            elif variable.endswith("_URL"):
                assert value.startswith("https://"), name
