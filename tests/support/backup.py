"""Backups of a database, as an owner makes and restores them."""

import subprocess
from pathlib import Path

from devstack.postgresql_programs import PostgresqlPrograms


def back_up(database_url: str, file: Path) -> None:
    _run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={database_url}")


def restore(database_url: str, file: Path) -> None:
    """Into an empty database."""
    _run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={database_url}", str(file))


def _run(program: str, *options: str) -> None:
    done = subprocess.run(
        [PostgresqlPrograms().program(program), *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
