"""Each process takes the environment that its manifest gives it."""

import os
from pathlib import Path

import pytest
import trustme
from pydantic_settings import BaseSettings

import coupon_service.config
import notification_service.config
import order_service.config
import outbox_relay.config
import provider_sandbox.config
from servicekit.config import read_settings
from tests.unit.kubernetes.compose import ComposeFile, Image
from tests.unit.kubernetes.manifests import Manifests, Workload

pytestmark = pytest.mark.timeout(900)

SETTINGS: dict[str, type[BaseSettings]] = {
    "coupon-migrate": coupon_service.config.MigrationSettings,
    "coupon-api": coupon_service.config.ApiSettings,
    "coupon-worker": coupon_service.config.WorkerSettings,
    "order-migrate": order_service.config.MigrationSettings,
    "order-api": order_service.config.ApiSettings,
    "notification-migrate": notification_service.config.MigrationSettings,
    "notification-api": notification_service.config.ApiSettings,
    "notification-consumer": notification_service.config.ConsumerSettings,
    "outbox-relay": outbox_relay.config.RelaySettings,
    "topics": outbox_relay.config.TopicsSettings,
    "provider-sandbox": provider_sandbox.config.SandboxSettings,
}
NOT_IN_COMPOSE = {
    "SOURCES": "its parts are there",
    "OUTBOX_RELAY_ROLE": "deploy/postgres makes the role by this name",
    "KAFKA_CLIENT_ID": "the process's own name",
    "HTTP_PORT": "clients know the load balancer's",
}
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


def test_every_setting_comes_through_the_compose_file(compose: ComposeFile) -> None:
    for name, settings in SETTINGS.items():
        if name == "provider-sandbox":
            continue
        service = compose.services[name]
        known = {it.upper() for it in settings.model_fields} - set(NOT_IN_COMPOSE)
        assert known - set(service.environment) - set(service.image.environment) == set(), name


def test_production_encrypts_and_checks_every_connection(production: Manifests) -> None:
    for name, workload in production.workloads.items():
        for variable, value in production.environment(workload).items():
            if variable.endswith("DATABASE_URL"):
                assert "sslmode=verify-full" in value, name
                assert f"sslrootcert={CERTIFICATES}/" in value, name
            elif variable == "KAFKA_SECURITY_PROTOCOL":
                assert value == "SASL_SSL", name
            elif variable.endswith("_URL"):
                assert value.startswith("https://"), name
