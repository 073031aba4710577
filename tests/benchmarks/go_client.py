"""Clients in Go, built where they are needed."""

import subprocess
from pathlib import Path

from devstack.repository import ROOT


def build_client(source: Path, name: str) -> Path:
    """By Go, from the standard library alone, once its own tests have passed.

    Raises ChildProcessError with what Go says.
    """
    program = ROOT / "build" / "benchmarks" / name
    for command in (["go", "test", "."], ["go", "build", "-o", str(program), "."]):
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ChildProcessError(f"the client can't be built: {(done.stdout + done.stderr).strip()}")
    return program
