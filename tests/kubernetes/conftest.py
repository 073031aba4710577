"""The overlays, rendered by the real kustomize."""

from pathlib import Path

import pytest

from devstack.repository import ROOT
from tests.kubernetes import readme
from tests.kubernetes.manifests import OVERLAYS, Manifests, render
from tests.support.compose_file import ComposeFile


@pytest.fixture(scope="session")
def kustomize() -> Path:
    program = ROOT / "build" / "kustomize"
    assert program.exists(), "kustomize isn't built: run `make test-kubernetes`"
    return program


@pytest.fixture(scope="session")
def overlays(kustomize: Path) -> dict[str, Manifests]:
    by_hand = {"development": {}, "production": readme.secrets_made_by_hand()}
    return {overlay: Manifests(overlay, render(kustomize, overlay), by_hand[overlay]) for overlay in OVERLAYS}


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
