"""The overlays, rendered by the real kustomize."""

import shutil
from pathlib import Path

import pytest

from devstack.repository import ROOT
from tests.kubernetes import readme
from tests.kubernetes.manifests import KUBERNETES, OVERLAYS, Manifests, render
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
def production_with_toss(kustomize: Path, tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    """The production overlay, edited as its comments say."""
    folder = tmp_path_factory.mktemp("deploy")
    for part in ("kubernetes", "kafka"):
        shutil.copytree(KUBERNETES.parent / part, folder / part)
    file = folder / "kubernetes" / "overlays" / "production" / "kustomization.yaml"
    text = file.read_text()
    edits = {"# - ../../components/payment-gateway": "- ../../components/payment-gateway"}
    edits["[PAYMENT_GATEWAY=in-process]"] = "[PAYMENT_GATEWAY=toss]"
    for before, after in edits.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    file.write_text(text)
    documents = render(kustomize, "production", folder / "kubernetes")
    return Manifests("production", documents, readme.secrets_made_by_hand())


@pytest.fixture(scope="session")
def compose() -> ComposeFile:
    return ComposeFile()
