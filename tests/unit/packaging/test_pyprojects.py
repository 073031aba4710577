"""Every distribution says what it is, and its version is written once."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from devstack.repository import ROOT

FILES = sorted([*ROOT.glob("*/pyproject.toml"), *ROOT.glob("deploy/*/pyproject.toml")])
RELEASE = re.compile(r"\d+\.\d+\.\d+")
NAME_OF_A_VERSION = re.compile(r"_*(?:app_|package_|service_)?version_*", re.IGNORECASE)


def project(file: Path) -> dict[str, Any]:
    return dict(tomllib.loads(file.read_text())["project"])


@pytest.fixture(params=FILES, ids=lambda file: file.parent.name)
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def packages(file: Path) -> list[Path]:
    return [module.parent for module in file.parent.glob("src/*/__init__.py")]


def literal_versions(source: Path) -> Iterator[str]:
    """Assignments of a release's number to a variable that is called version."""
    for node in ast.walk(ast.parse(source.read_text())):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))) if (
                NAME_OF_A_VERSION.fullmatch(name) and RELEASE.fullmatch(value)
            ):
                yield f"{source.relative_to(ROOT)}: {name}"


def test_there_are_eight_distributions() -> None:
    assert len(FILES) == 8


def test_license_authors_readme_and_python_are_stated(file: Path) -> None:
    stated = project(file)
    assert stated["license"] == "Apache-2.0"
    assert stated["authors"] == [{"name": "The coupon-outbox authors"}]
    assert stated["requires-python"] == ">=3.11"
    assert (file.parent / stated["readme"]).is_file()
    assert "Typing :: Typed" in stated["classifiers"]
    # Which PyPI refuses beside a license expression.
    assert not [classifier for classifier in stated["classifiers"] if classifier.startswith("License ::")]


def test_the_license_that_is_named_is_there() -> None:
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()


def test_every_package_has_its_types_and_ships_the_mark(file: Path) -> None:
    data = tomllib.loads(file.read_text())["tool"]["setuptools"]["package-data"]
    assert "py.typed" in data["*"]
    (package,) = packages(file)
    assert (package / "py.typed").is_file()


def test_the_version_is_that_of_the_installed_metadata(file: Path) -> None:
    stated = project(file)
    assert version(stated["name"]) == stated["version"]


def test_no_source_writes_the_version_again(file: Path) -> None:
    sources = [source for package in packages(file) for source in package.rglob("*.py")]
    assert [version for source in sources for version in literal_versions(source)] == []
