"""README's commands answer as printed there, in both languages, and the program behind its code runs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, make_url, text
from sqlalchemy.schema import CreateTable

from devstack.abstract_stack import Stack
from devstack.free_ports import find_free_ports
from devstack.repository import ROOT
from servicekit.inbox.table import inbox_table
from servicekit.outbox.ddl import outbox_ddl
from tests.support.topics import create_topics
from tests.support.waiting import wait_until

_PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# What differs from run to run stands as an ellipsis.
_ANYTHING = "…"
_PORTS = {"8001": "coupon-api", "8002": "order-api", "8003": "notification-api", "8004": "outbox-relay"}
_MARK = "--- end of command"


def commands_and_answers(document: str) -> Iterator[tuple[str, str]]:
    """Each ``$ command`` of the document with the lines printed below it."""
    for block in _BLOCK.findall((ROOT / document).read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, answer = part.partition("\n")
            yield command, answer.strip()


def matches(answer: str, printed: str) -> bool:
    pattern = ".*?".join(re.escape(piece) for piece in printed.split(_ANYTHING))
    return re.fullmatch(pattern, answer) is not None


@pytest.mark.parametrize("document", ["README.md", "README.ko.md"])
def test_commands_of_readme_answer_as_printed(document: str, stack: Stack, tmp_path: Path) -> None:
    expected = list(commands_and_answers(document))
    assert len(expected) == 2
    script = f"\necho; echo '{_MARK}'\n".join(command for command, _ in expected)
    services = stack.info().services
    for port, name in _PORTS.items():
        script = script.replace(f"localhost:{port}", str(services[name].url).removeprefix("http://"))
    done = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answers = [answer.strip() for answer in done.stdout.split(_MARK)]
    wrong = [
        (command, printed, answer)
        for (command, printed), answer in zip(expected, answers, strict=True)
        if not matches(answer, printed)
    ]
    assert wrong == []


@contextmanager
def running(command: list[str], variables: dict[str, str]) -> Iterator[None]:
    with subprocess.Popen(command, env={"PATH": os.environ["PATH"], **variables}) as process:
        try:
            yield
        finally:
            process.terminate()
    assert process.returncode == 0


def test_code_of_readme_in_the_guide_writes_and_applies_an_event(
    database_url: str, kafka_bootstrap_servers: str
) -> None:
    code = _PYTHON.findall((ROOT / "outbox-relay" / "GUIDE.md").read_text())[-1]
    create_topics(kafka_bootstrap_servers, ["order-paid"])
    engine = create_engine(make_url(database_url).set(drivername="postgresql+psycopg2"))
    with engine.begin() as transaction:
        transaction.exec_driver_sql(outbox_ddl("outbox_relay"))
        transaction.execute(CreateTable(inbox_table(MetaData())))
        transaction.execute(text("CREATE TABLE purchase (id bigint PRIMARY KEY, paid boolean)"))
        transaction.execute(text("CREATE TABLE shipment (id bigint)"))
        transaction.execute(text("INSERT INTO purchase VALUES (7, false)"))
    kafka = {"KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap_servers}
    url = make_url(database_url).set(username="outbox_relay", password="outbox_relay")
    relay = {
        "HTTP_PORT": str(find_free_ports(1)[0]),
        "SOURCES__SHOP__DATABASE_URL": url.render_as_string(hide_password=False),
    }

    def shipments() -> list[int]:
        with engine.connect() as connection:
            return list(connection.execute(text("SELECT id FROM shipment")).scalars())

    programs = Path(sys.executable).parent
    with (
        running([str(programs / "outbox-relay"), "run"], kafka | relay),
        running([sys.executable, "-c", code], kafka | {"DATABASE_URL": database_url}),
    ):
        wait_until(shipments, "a shipment")

    assert shipments() == [7]
