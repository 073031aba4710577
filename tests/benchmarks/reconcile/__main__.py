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
from kafka import KafkaProducer

from devstack.postgresql import PostgresqlServer
from tests.benchmarks.machine import machine_facts
from tests.benchmarks.results_file import write_json
from tests.support.clean_requests import FAULTS, fill, records
from tests.support.databases import fresh_database, make_roles
from tests.support.servers import a_kafka_broker
from tests.support.service_databases import migrate_coupons
from tests.support.topics import create_topics

_TOPIC = "coupon-publish-request"
_OUTPUT = Path("build/benchmarks/reconcile.json")
_SENT_AT_A_TIME = 50_000


@click.command()
@click.option("--requests", type=click.IntRange(1_000, 100_000_000), default=1_000_000, show_default=True)
def main(requests: int) -> None:
    """Reconcile clean requests, which must have no difference, and then planted faults, all to be found."""
    with (
        TemporaryDirectory(prefix="reconcile-benchmark-", ignore_cleanup_errors=True) as name,
        PostgresqlServer(Path(name) / "postgresql") as postgresql,
        a_kafka_broker(Path(name) / "kafka") as broker,
    ):
        make_roles(postgresql.url())
        with fresh_database(postgresql.url()) as database:
            url, servers = postgresql.url(database), broker.bootstrap_servers
            migrate_coupons(url)
            create_topics(servers, [_TOPIC, f"{_TOPIC}.dlt"])
            with closing(psycopg2.connect(url)) as connection:
                connection.autocommit = True
                fill(connection, requests)
                began = time.monotonic()
                _publish(connection, servers)
                click.echo(f"{requests:,} requests made, published in {time.monotonic() - began:.0f} s")
                clean = _run(url, servers)
                if clean["differences"]:
                    raise click.ClickException(f"invented: {clean['differences']}")
                with connection.cursor() as cursor:
                    for statement in FAULTS.values():
                        cursor.execute(statement)
            faulty = _run(url, servers)
    counts = {kind: found["count"] for kind, found in faulty["differences"].items()}
    if counts.keys() != FAULTS.keys():
        raise click.ClickException(f"planted {sorted(FAULTS)}, found {counts}")
    click.echo(f"found each of {len(FAULTS)} kinds: {counts}")
    write_json(_OUTPUT, {"machine": machine_facts(), "requests": requests, "clean": clean, "faulty": faulty})
    click.echo(f"wrote {_OUTPUT}")


def _publish(connection: "psycopg2.extensions.connection", servers: str) -> None:
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=20, batch_size=262_144)
    with closing(producer):
        for number, (partition, key, value) in enumerate(records(connection), 1):
            producer.send(_TOPIC, key=key, value=value, partition=partition)
            if number % _SENT_AT_A_TIME == 0:
                # The client's memory has no bound of its own.
                producer.flush()
        producer.flush()


def _run(url: str, servers: str) -> Mapping[str, dict[str, dict[str, object]]]:
    """The command in a process of its own."""
    environment = {**os.environ, "DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": servers}
    began = time.monotonic()
    command = [str(Path(sys.executable).with_name("coupon-service")), "reconcile", "--json"]
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
