"""A stack that devstack starts has nothing to do with the servers that its user's environment names."""

import os
import subprocess
from pathlib import Path
from shutil import copy

import pytest

from devstack.compose_project import ComposeProject
from devstack.repository import ROOT

OF_ANOTHER_SETUP = (
    "COUPON_DATABASE_URL", "ORDER_DATABASE_URL", "NOTIFICATION_DATABASE_URL",
    "OUTBOX_RELAY_COUPON_DATABASE_URL", "OUTBOX_RELAY_ORDER_DATABASE_URL",
    "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_PASSWORD", "TOPICS_ENVIRONMENT",
    "ALIMTALK_URL", "MONITORING_WEBHOOK_URL", "PAYMENT_GATEWAY", "OTEL_EXPORTER_OTLP_ENDPOINT", "PGDATABASE",
)  # fmt: skip


def configuration(project: ComposeProject, folder: Path) -> str:
    """The compose file as Compose fills it in, run from the folder in which it lies."""
    command = [*project.command({}), "config"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy(ROOT / "docker-compose.yml", tmp_path)
    return tmp_path


@pytest.fixture
def project(folder: Path) -> ComposeProject:
    return ComposeProject(folder, "surroundings", ["docker-compose.yml"], {"KAFKA_PORT": "29092"})


def test_neither_an_env_file_nor_a_variable_leads_to_production(
    project: ComposeProject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = configuration(project, folder)
    (folder / ".env").write_text("".join(f"{name}=production-{name}\n" for name in OF_ANOTHER_SETUP))
    for name in OF_ANOTHER_SETUP:
        monkeypatch.setenv(name, f"production-{name}")
    # So it is without devstack.
    naked = ["docker", "compose", "config"]
    configured = subprocess.run(
        naked, cwd=folder, env=os.environ, capture_output=True, text=True, check=True
    ).stdout
    assert "production-COUPON_DATABASE_URL" in configured
    assert configuration(project, folder) == plain


def test_images_passwords_and_limits_are_taken_from_the_environment(
    project: ComposeProject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POSTGRES_IMAGE", "COUPON_DATABASE_PASSWORD", "HTTP_WORKERS", "REVISION"):
        monkeypatch.setenv(name, f"chosen-{name.lower().replace('_', '-')}")
    configured = configuration(project, folder)
    assert "image: chosen-postgres-image" in configured
    assert "coupon_service:chosen-coupon-database-password@" in configured
    assert "HTTP_WORKERS: chosen-http-workers" in configured
    assert "REVISION: chosen-revision" in configured
    assert 'published: "29092"' in configured
