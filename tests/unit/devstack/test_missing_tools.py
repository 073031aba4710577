import subprocess
import sys
from pathlib import Path

import pytest

NO_COMPOSE = '[ "$1" != compose ]'
NO_ENGINE = '[ "$1" != version ]'


@pytest.mark.parametrize(
    ("docker", "said"),
    [
        (None, "Docker is missing: install"),
        (NO_COMPOSE, "no Compose plugin: install docker-compose-plugin"),
        (NO_ENGINE, "engine does not answer: start it"),
    ],
)
@pytest.mark.parametrize("engine", ["unix:///var/empty/docker.sock", "tcp://127.0.0.1:9"])
@pytest.mark.parametrize(
    "command", [["-m", "devstack.tools"], ["-c", "from devstack.cli import main; main()", "up"]]
)
def test_a_missing_part_of_docker_is_named(
    tmp_path: Path, command: list[str], engine: str, docker: str | None, said: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if docker is not None:
        (programs / "docker").write_text(f"#!/bin/sh\n{docker}\n")
        (programs / "docker").chmod(0o755)
    environment = {
        "PATH": str(programs),
        "DOCKER_HOST": engine,
        "STACK": "compose",
        "DEVSTACK_DIRECTORY": str(tmp_path / "stack"),
    }
    found = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 2, found.stderr
    assert said in found.stderr
    assert len(found.stderr.splitlines()) == 1
