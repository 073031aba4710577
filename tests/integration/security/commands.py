"""Our commands as processes that know nothing but the environment they are given."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_COMMANDS = Path(sys.executable).parent


def run(*command: str, environment: Mapping[str, str], timeout_seconds: float = 60.0) -> tuple[int, str]:
    """Exit status, and what was written to standard output and error."""
    done = subprocess.run(
        [_COMMANDS / command[0], *command[1:]],
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
    return done.returncode, done.stdout
