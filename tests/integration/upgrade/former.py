"""The former release, installed from this repository's history."""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from devstack.locking import exclusive_lock
from devstack.repository import ROOT

COMMIT = "f2bf8b9c68e7b031d2639f5a6aed21d03a17ba14"
"""The last one of the release that knew no versions of a schema."""
_PARTS = ("shared", "outbox-relay", "coupon-service", "constraints.txt")
_BUILD = ROOT / "build" / "former-release" / COMMIT[:12]


def former_program(name: str) -> Path:
    """A program of the former release, which is built once. Fails the test where that can't be done."""
    with exclusive_lock(_BUILD.with_suffix(".lock")):
        installed = _BUILD / ".installed"
        if not installed.exists():
            shutil.rmtree(_BUILD, ignore_errors=True)
            _unpack()
            _install()
            installed.touch()
    return _BUILD / "venv" / "bin" / name


def _unpack() -> None:
    archive = _run(
        "git", "-C", str(ROOT), "archive", COMMIT, *_PARTS,
        hint="its commit is not in this clone: `git fetch --unshallow` brings the history",
    )  # fmt: skip
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(_BUILD / "source")  # noqa: S202 - filtered, where Python can


def _install() -> None:
    source, python = _BUILD / "source", _BUILD / "venv" / "bin" / "python"
    constraints = str(source / "constraints.txt")
    distributions = (
        f"{source}/shared[db,http,kafka,otlp]",
        f"{source}/outbox-relay",
        f"{source}/coupon-service",
    )
    hint = "pip could not install it: run the test again with a package index in reach"
    _run(sys.executable, "-m", "venv", "--without-pip", str(_BUILD / "venv"), hint=hint)
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    pins = ("--constraint", constraints, "--build-constraint", constraints)
    _run(*pip, *pins, *distributions, hint=hint)


def _run(*command: str, hint: str) -> bytes:
    # Variables that point Git or Python at another place are of the run around this one.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") and name not in {"PYTHONPATH", "PYTHONHOME"}
    }
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.fail(
            f"the former release {COMMIT[:12]} is missing: {hint}\n{done.stderr.decode()}", pytrace=False
        )
    return done.stdout
