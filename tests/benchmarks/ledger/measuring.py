"""Filling, sealing and verifying one ledger."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import click
import psycopg2

from tests.benchmarks.ledger.world import FAULTS, fill
from tests.support.order_books import open_books

Findings = Mapping[str, Any]


def measured(url: str, entries: int) -> dict[str, Any]:
    """A clean ledger in a migrated database must have no difference; then all planted faults must be found.

    Raises click's exception where that isn't so.
    """
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        fill(connection, entries)
        sealing_seconds = _seal(url)
        clean = _run(url)
        if clean["differences"]:
            raise click.ClickException(f"invented: {clean['differences']}")
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            for statement in FAULTS.values():
                cursor.execute(statement)
    faulty = _run(url)
    missed = FAULTS.keys() - faulty["differences"].keys()
    if missed:
        raise click.ClickException(f"planted and not found: {sorted(missed)}")
    return {"entries": entries, "sealing_seconds": sealing_seconds, "clean": clean, "faulty": faulty}


def _seal(url: str) -> float:
    began = time.monotonic()
    with open_books(url) as books:
        hours = books.seal()
    seconds = time.monotonic() - began
    click.echo(f"{hours} hours sealed in {seconds:.1f} s")
    return seconds


def _run(url: str) -> Findings:
    """The command in a process of its own."""
    environment = {**os.environ, "DATABASE_URL": url}
    began = time.monotonic()
    command = "from order_service.cli import main; main()"
    arguments = [sys.executable, "-c", command, "ledger", "verify", "--json"]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    cpu_seconds, maximum_mb = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    click.echo(
        f"status {process.returncode}: {seconds:.1f} s, CPU {cpu_seconds:.1f} s, {maximum_mb:.0f} MB at most"
    )
    if process.returncode not in {0, 1}:
        raise click.ClickException("the command failed")
    return {**json.loads(said), "seconds": seconds, "cpu_seconds": cpu_seconds, "maximum_mb": maximum_mb}
