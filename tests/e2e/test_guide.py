"""The guide, followed: its blocks, as they stand, give an outbox to a service that isn't one of ours."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest
from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import make_url

from devstack.free_ports import find_free_ports
from devstack.repository import ROOT
from tests.support.waiting import wait_until

GUIDE = (ROOT / "outbox-relay" / "GUIDE.md").read_text()
COMMANDS = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


class Library:
    """The service of the guide, on servers of this machine in place of those that the guide names."""

    def __init__(self, database_url: str, bootstrap_servers: str, directory: Path) -> None:
        url = make_url(database_url)
        self.bootstrap_servers = bootstrap_servers
        self._database_url = database_url
        self._places = {
            "localhost:9092": bootstrap_servers,
            "@localhost:5432/library": f"@{url.host}:{url.port}/{url.database}",
        }
        self._directory = directory

    def run_sql(self, script: str) -> None:
        with closing(psycopg2.connect(self._database_url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(script)

    def run_python(self, script: str) -> None:
        environment = {**os.environ, "DATABASE_URL": self._database_url}
        subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=60)

    def start(self, command: str) -> "subprocess.Popen[str]":
        """One of the guide's commands, its variables before it."""
        for said, real in self._places.items():
            command = command.replace(said, real)
        *variables, program = re.split(r"\s+(?=outbox-relay )", command.strip())
        environment = dict(pair.split("=", 1) for pair in " ".join(variables).split())
        (port,) = find_free_ports(1)
        return subprocess.Popen(
            [COMMANDS / "outbox-relay", *program.split()[1:]],
            env={"PATH": os.environ["PATH"], "HTTP_PORT": str(port), **environment},
            cwd=self._directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def output(self, command: str) -> str:
        process = self.start(command)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, command
        return output

    @contextmanager
    def running(self, command: str) -> Iterator[None]:
        with self.start(command) as process:
            try:
                yield
            finally:
                process.terminate()
        assert process.returncode == 0

    def records(self, topic: str, count: int) -> dict[str, list[tuple[dict[str, str], str]]]:
        """Headers and value of the first ``count`` records, by key in the order in which they lie there."""
        found: dict[str, list[tuple[dict[str, str], str]]] = {}
        with closing(KafkaConsumer(bootstrap_servers=self.bootstrap_servers)) as consumer:
            partitions = [TopicPartition(topic, number) for number in range(3)]
            consumer.assign(partitions)
            consumer.seek_to_beginning()

            def read() -> bool:
                for records in consumer.poll(timeout_ms=200).values():
                    for record in records:
                        headers = {name: value.decode() for name, value in record.headers}
                        found.setdefault(record.key.decode(), []).append((headers, record.value.decode()))
                return sum(map(len, found.values())) >= count

            wait_until(read, f"{count} records of {topic}")
        return found


@pytest.fixture
def library(database_url: str, kafka_bootstrap_servers: str, tmp_path: Path) -> Iterator[Library]:
    library = Library(database_url, kafka_bootstrap_servers, tmp_path)
    library.run_sql(blocks("sql")[0])
    yield library
    library.run_sql("DROP OWNED BY library_relay; DROP ROLE library_relay")


def test_the_guide_gives_a_service_an_outbox(library: Library, tmp_path: Path) -> None:
    _, role, lending = blocks("sql")
    ddl, topics, relay = blocks("shell")
    library.run_sql(role)
    library.run_sql(library.output(ddl))
    lend, _ = blocks("python")
    library.run_python(lend)
    library.run_sql(lending)
    (topics_file,) = blocks("toml")
    (tmp_path / "topics.toml").write_text(topics_file)
    library.output(topics)

    with library.running(relay):
        records = library.records("book-lent", 3)

    assert [value for _, value in records["토지"]] == [
        '{"book":"토지","reader":"김하나"}',
        '{"book":"토지","reader":"이두리"}',
    ]
    ((headers, value),) = records["태백산맥"]
    assert value == '{"book":"태백산맥","reader":"박세찬"}'
    assert (headers["ce_type"], headers["ce_source"]) == ("BookLent", "/library")
