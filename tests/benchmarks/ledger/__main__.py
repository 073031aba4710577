"""The command."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from devstack.postgresql import PostgresqlServer
from tests.benchmarks.ledger.measuring import measured
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.results_file import write_json
from tests.support.databases import fresh_database, make_roles
from tests.support.service_databases import migrate_orders

_OUTPUT = Path("build/benchmarks/ledger.json")
GOAL_SECONDS, GOAL_MB = 60, 200
"""Of a million entries."""


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
            migrate_orders(url)
            results = measured(url, entries)
    clean = results["clean"]
    is_met = clean["seconds"] < GOAL_SECONDS and clean["maximum_mb"] < GOAL_MB
    click.echo(f"goals of {GOAL_SECONDS} s and {GOAL_MB} MB {'met' if is_met else 'missed'}")
    write_json(_OUTPUT, {"machine": machine_facts(), **results})
    click.echo(f"wrote {_OUTPUT}")


if __name__ == "__main__":
    main()
