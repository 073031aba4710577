"""The override for development runs each process of ours from the sources of its own package."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.repository import ROOT


def services(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text())["services"])


BASE = services(ROOT / "docker-compose.yml")
OVERRIDE = services(ROOT / "deploy" / "compose" / "development.yml")
FOLDERS = {
    "coupon-api": "coupon-service", "coupon-watch": "coupon-service",
    "coupon-worker": "coupon-service", "order-api": "order-service",
    "order-worker": "order-service", "notification-api": "notification-service",
    "notification-consumer": "notification-service",
    "outbox-relay": "outbox-relay",
}  # fmt: skip


def test_every_process_of_ours_is_in_it() -> None:
    processes = {
        name
        for name, service in BASE.items()
        if service.get("restart") != "no" and "_SERVICE" in service["image"]
    }
    assert processes | {"outbox-relay"} == set(FOLDERS)
    assert set(FOLDERS) <= set(OVERRIDE)


@pytest.mark.parametrize(("name", "folder"), FOLDERS.items())
def test_its_own_sources_come_before_what_is_installed(name: str, folder: str) -> None:
    mounts = dict(volume.removesuffix(":ro").rsplit(":", 1) for volume in OVERRIDE[name]["volumes"])
    assert mounts == {f"./{folder}/src": "/sources/service", "./shared/src": "/sources/shared"}
    for source in mounts:
        assert any((ROOT / source).glob("*/__init__.py")), source
    assert OVERRIDE[name]["environment"]["PYTHONPATH"] == ":".join(mounts.values())


@pytest.mark.parametrize(("name", "folder"), FOLDERS.items())
def test_the_same_command_is_begun_anew(name: str, folder: str) -> None:
    process = OVERRIDE[name]
    *_, command, watched = process["entrypoint"]
    assert command.split() == [folder, *BASE[name].get("command", ["run"])]
    assert watched == "/sources"
    assert process["command"] == []


def test_what_runs_the_same_image_runs_the_image_with_the_watcher() -> None:
    for name, process in OVERRIDE.items():
        siblings = {other for other, service in BASE.items() if service["image"] == BASE[name]["image"]}
        assert {OVERRIDE.get(other, {}).get("image") for other in siblings} == {process.get("image")}, name
