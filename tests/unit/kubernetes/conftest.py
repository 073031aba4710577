"""The overlays, rendered by the real kustomize."""

import subprocess
from pathlib import Path

import pytest

from devstack.repository import ROOT
from tests.unit.kubernetes import readme
from tests.unit.kubernetes.compose import ComposeFile
from tests.unit.kubernetes.manifests import OVERLAYS, Manifests, render

KUSTOMIZE = Path("build", "kustomize")


@pytest.fixture(scope="session")
def kustomize() -> Path:
    """kustomize, built when it is missing; that takes Go, and two minutes the first time."""
    done = subprocess.run(
        ["make", "--no-print-directory", str(KUSTOMIZE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"make {KUSTOMIZE}: {done.stderr}"
    return ROOT / KUSTOMIZE


@pytest.fixture(scope="session")
def overlays(kustomize: Path) -> dict[str, Manifests]:
    by_hand = {"development": {}, "production": readme.secrets_made_by_hand()}
    return {it: Manifests(it, render(kustomize, it), by_hand[it]) for it in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, overlays: dict[str, Manifests]) -> Manifests:
    """Each overlay in turn."""
    return overlays[request.param]


@pytest.fixture
def development(overlays: dict[str, Manifests]) -> Manifests:
    return overlays["development"]


@pytest.fixture
def production(overlays: dict[str, Manifests]) -> Manifests:
    return overlays["production"]


@pytest.fixture(scope="session")
def compose() -> ComposeFile:
    return ComposeFile()
