"""Without Docker or its Compose plugin, the stack in containers says what is missing and where to get it."""

from pathlib import Path

import pytest

from devstack.compose_project import ComposeProject
from devstack.errors import DevstackError

# As docker answers without the plugin.
WITHOUT_COMPOSE = """#!/bin/sh
echo "unknown shorthand flag: 'f' in -f" >&2
echo >&2
echo "Run 'docker --help' for more information" >&2
exit 125
"""


@pytest.mark.parametrize(
    ("docker", "missing"),
    [
        (WITHOUT_COMPOSE, "docker has no Compose plugin; install it: https://"),
        (None, "there is no docker command; install Docker Engine: https://"),
    ],
)
def test_what_is_missing_is_named_with_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, docker: str | None, missing: str
) -> None:
    (tmp_path / "env").symlink_to("/usr/bin/env")
    if docker is not None:
        (tmp_path / "docker").write_text(docker)
        (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    # It would ask a real engine, and leave the connection open.
    monkeypatch.setattr("testcontainers.compose.compose.is_podman", lambda: False)
    with pytest.raises(DevstackError, match=missing):
        ComposeProject(tmp_path, "test", ["compose.yml"], {}).up()
