"""The command."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psycopg2

from devstack.postgresql import PostgresqlServer
from tests.benchmarks.ledger.world import FAULTS, fill
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.results_file import write_json
from tests.integration.order_service.books import open_books
from tests.integration.order_service.shop import migrate
from tests.support.databases import fresh_database, make_roles

_OUTPUT = Path("build/benchmarks/ledger.json")
GOAL_SECONDS, GOAL_MB = 60, 200


@click.command()
@click.option("--entries", type=click.IntRange(1_000, 100_000_000), default=1_000_000, show_default=True)
def main(entries: int) -> None:
    """Verify a clean ledger, which must have no difference, and then one with faults, all to be found."""
    with (
        TemporaryDirectory(prefix="ledger-benchmark-", ignore_cleanup_errors=True) as name,
        PostgresqlServer(Path(name) / "postgresql") as postgresql,
    ):
        make_roles(postgresql.url())
        with fresh_database(postgresql.url()) as database:
            url = postgresql.url(database)
            migrate(url)
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
    click.echo(f"found each of {len(FAULTS)} kinds; goals: {GOAL_SECONDS} s, {GOAL_MB} MB")
    results = {"entries": entries, "sealing_seconds": sealing_seconds, "clean": clean, "faulty": faulty}
    write_json(_OUTPUT, {"machine": machine_facts(), **results})
    click.echo(f"wrote {_OUTPUT}")


def _seal(url: str) -> float:
    began = time.monotonic()
    with open_books(url) as books:
        hours = books.seal()
    seconds = time.monotonic() - began
    click.echo(f"{hours} hours sealed in {seconds:.1f} s")
    return seconds


def _run(url: str) -> Mapping[str, dict[str, dict[str, object]]]:
    """The command in a process of its own."""
    environment = {**os.environ, "DATABASE_URL": url}
    began = time.monotonic()
    command = [
        sys.executable,
        "-c",
        "from order_service.cli import main; main()",
        "ledger",
        "verify",
        "--json",
    ]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    click.echo(
        f"status {process.returncode}: {seconds:.1f} s, CPU {usage.ru_utime + usage.ru_stime:.1f} s,"
        f" {usage.ru_maxrss / 1024:.0f} MB at most"
    )
    if process.returncode not in {0, 1}:
        raise click.ClickException("the command failed")
    return {**json.loads(said), "seconds": seconds, "maximum_mb": usage.ru_maxrss / 1024}


if __name__ == "__main__":
    main()
