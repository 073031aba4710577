"""Debezium's outbox event router reading one of our outbox tables: a Kafka Connect worker from Maven's jars.

The settings are the module's constants, so that a benchmark against it can show them. Two things are made
before the connector starts, as its documentation advises for production: the publication and the slot. So
what is written after :func:`prepare_outbox` waits for the connector in the write-ahead log, as it does when a
connector was away for a while.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg2
from psycopg2 import sql
from psycopg2.extensions import parse_dsn

from devstack.config import base_environment
from devstack.free_ports import find_free_ports
from devstack.jars import resolve_class_path
from devstack.java import find_java
from tests.support.waiting import wait_until

VERSION = "3.6.3.Final"
CONNECT_VERSION = "4.3.1"
COORDINATES = (
    f"org.apache.kafka:connect-runtime:{CONNECT_VERSION}",
    f"io.debezium:debezium-connector-postgres:{VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)

PUBLICATION = "debezium_outbox"
SLOT = "debezium_outbox"
_CONNECTOR = "outbox"

JAVA_OPTIONS = (
    # Those of Kafka's own connect-standalone.sh, but for the heap's limit: it has 2 GB there, which makes the
    # process larger and not faster.
    "-Xms256M", "-Xmx512M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true",
)  # fmt: skip

_LOGGING = """\
status=WARN
appender.stdout.type=Console
appender.stdout.name=stdout
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.stdout.ref=stdout
# With statistics on or off it warns of every single event of a backlog that its queue is full.
logger.statistics.name=io.debezium.metrics.stats
logger.statistics.level=ERROR
"""

WORKER = {
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.storage.StringConverter",
    "header.converter": "org.apache.kafka.connect.storage.StringConverter",
    # A scan of the class path would cost seconds at every start.
    "plugin.discovery": "service_load",
    "producer.linger.ms": "5",
    "producer.batch.size": "262144",
}

CONNECTOR = {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "tasks.max": "1",
    "plugin.name": "pgoutput",
    "topic.prefix": "debezium",
    "publication.autocreate.mode": "disabled",
    "tombstones.on.delete": "false",
    # Four headers about the connector itself.
    "extended.headers.enabled": "false",
    "statistics.metrics.enabled": "false",
    "poll.interval.ms": "5",
    "max.batch.size": "20480",
    "max.queue.size": "81920",
}

ROUTER = {
    "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
    "transforms.outbox.table.field.event.key": "aggregateid",
    "transforms.outbox.route.by.field": "topic",
    "transforms.outbox.route.topic.replacement": "${routedByValue}",
    "transforms.outbox.table.fields.additional.placement": (
        "id:header:ce_id,type:header:ce_type,source:header:ce_source,created_at:header:ce_time,"
        "traceparent:header:traceparent"
    ),
}

_BEFORE_ROUTER = {
    # A field first, since InsertHeader parses its literal and writes 1.0 as 1.
    "transforms.version.type": "org.apache.kafka.connect.transforms.InsertField$Value",
    "transforms.version.static.field": "ce_specversion",
    "transforms.version.static.value": "1.0",
    "transforms.versionHeader.type": "org.apache.kafka.connect.transforms.HeaderFrom$Value",
    "transforms.versionHeader.fields": "ce_specversion",
    "transforms.versionHeader.headers": "ce_specversion",
    "transforms.versionHeader.operation": "move",
}
_AFTER_ROUTER = {
    "transforms.content.type": "org.apache.kafka.connect.transforms.InsertHeader",
    "transforms.content.header": "content-type",
    "transforms.content.value.literal": "application/json",
    # The router always writes the event's id under this name, too.
    "transforms.id.type": "org.apache.kafka.connect.transforms.DropHeaders",
    "transforms.id.headers": "id",
}


@dataclass(frozen=True)
class Debezium:
    """A running connector."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_running(self, timeout_seconds: float = 60.0) -> None:
        """Return once the connector's task runs; fails with the end of the log if it doesn't."""

        def state() -> bool:
            assert self.process.poll() is None, "the worker has ended"
            status = httpx.get(f"{self.url}/connectors/{_CONNECTOR}/status", timeout=5).json()
            return [task["state"] for task in status["tasks"]] == ["RUNNING"]

        try:
            wait_until(state, "Debezium's task", timeout_seconds)
        except AssertionError as error:
            error.add_note(self.log.read_text()[-4_000:])
            raise


def prepare_outbox(administrator_url: str, table: str = "outbox", *, slot: bool = True) -> None:
    """Make publication and slot, on a server with ``wal_level=logical``: what is written from now on is kept.

    Without ``slot`` a connector with ``snapshot.mode=initial`` makes it, and reads first what is there then.
    The partitions of a partitioned table are published under the table's own name.
    """
    connection = psycopg2.connect(administrator_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "CREATE PUBLICATION {publication} FOR TABLE {table}"
                    " WITH (publish = 'insert', publish_via_partition_root = true)"
                ).format(publication=sql.Identifier(PUBLICATION), table=sql.Identifier(table))
            )
            if slot:
                cursor.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [SLOT])
    finally:
        connection.close()


@contextmanager
def a_debezium(
    directory: Path,
    bootstrap_servers: str,
    administrator_url: str,
    *,
    constant_headers: bool = True,
    **settings: str,
) -> Iterator[Debezium]:
    """A connector on a prepared outbox; killed at the end.

    Without ``constant_headers`` the router is the only transformation. ``settings`` are further ones of the
    connector, with ``__`` for a dot. The block begins at once, before the worker answers.
    """
    directory.mkdir(parents=True, exist_ok=True)
    (port,) = find_free_ports(1)
    worker = _write(directory / "worker.properties", _worker(directory, bootstrap_servers, port))
    changes = {name.replace("__", "."): value for name, value in settings.items()}
    connector = _write(
        directory / "connector.properties",
        {**_connector(administrator_url, constant_headers=constant_headers), **changes},
    )
    class_path = os.pathsep.join(map(str, resolve_class_path(COORDINATES)))
    logging = directory / "log4j2.properties"
    logging.write_text(_LOGGING)
    main = "org.apache.kafka.connect.cli.ConnectStandalone"
    log = directory / "debezium.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                str(find_java()),
                *JAVA_OPTIONS,
                f"-Dlog4j2.configurationFile={logging}",
                main,
                str(worker),
                str(connector),
            ],
            env={**base_environment(), "CLASSPATH": class_path},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Debezium(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait(10)


def _worker(directory: Path, bootstrap_servers: str, port: int) -> Mapping[str, str]:
    return {
        **WORKER,
        "bootstrap.servers": bootstrap_servers,
        "listeners": f"http://127.0.0.1:{port}",
        "offset.storage.file.filename": str(directory / "offsets"),
    }


def _connector(administrator_url: str, *, constant_headers: bool) -> Mapping[str, str]:
    address = parse_dsn(administrator_url)
    transforms = ["version", "versionHeader", "outbox", "content", "id"] if constant_headers else ["outbox"]
    return {
        "name": _CONNECTOR,
        **CONNECTOR,
        "database.hostname": address["host"],
        "database.port": address["port"],
        "database.dbname": address["dbname"],
        "database.user": address["user"],
        "database.password": address["password"],
        "publication.name": PUBLICATION,
        "slot.name": SLOT,
        "table.include.list": r"public\\.outbox",
        # The slot is there already, and all that it has kept is what's wanted.
        "snapshot.mode": "no_data",
        "transforms": ",".join(transforms),
        **ROUTER,
        **(_BEFORE_ROUTER | _AFTER_ROUTER if constant_headers else {}),
    }


def _write(path: Path, properties: Mapping[str, str]) -> Path:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return path
