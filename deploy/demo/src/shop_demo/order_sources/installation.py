"""Installs a package that only some runs need, into the environment that the demo runs in."""

import importlib
import subprocess
import sys

from devstack.repository import ROOT
from shop_demo.errors import DemoError

_CONSTRAINTS = ROOT / "constraints.txt"


def install(package: str) -> None:
    """Installs `package` at the version that the repository's constraints.txt pins."""
    constraints = ["--constraint", str(_CONSTRAINTS)] if _CONSTRAINTS.exists() else []
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *constraints]
    outcome = subprocess.run([*command, package], capture_output=True, text=True, check=False)  # noqa: S603
    if outcome.returncode != 0:
        raise DemoError(f"pip could not install {package}:\n{outcome.stderr.strip()}")
    importlib.invalidate_caches()
