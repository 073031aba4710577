"""The embedded stack: real servers of its own under stand-ins for the services."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from devstack.ports import Ports
from tests.integration.devstack.builders import a_deployment
from tests.support.controlled_stack import ControlledStack


@pytest.fixture
def stack(directory: Path) -> Iterator[ControlledStack]:
    stack = ControlledStack(directory, ports=Ports.free(), durable=False, deployment=a_deployment())
    yield stack
    stack.down()


def _pid(stack: ControlledStack, name: str) -> int | None:
    return next(status.pid for status in stack.status() if status.name == name)


def _ask(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        connection.commit()
        return cursor.fetchone() if cursor.description else None


def test_up_restarts_a_killed_server_and_data_outlive_the_stack(stack: ControlledStack) -> None:
    stack.up()
    first = stack.info()
    broker = _pid(stack, "kafka")
    assert (first.kind, first.kafka.version) == ("embedded", "4.3.1")
    assert first.postgresql.version.startswith("18.")
    _ask(first.postgresql.databases["order"], "CREATE TABLE kept AS SELECT 42 AS answer")

    stack.kill("kafka")
    assert stack.up()

    mended = stack.info()
    assert _pid(stack, "kafka") not in (None, broker)
    assert mended.postgresql == first.postgresql
    assert mended.services == first.services

    stack.down()
    ends = {status.name: status.exit_status for status in stack.status()}
    orderly = {"postgresql": 0, "kafka": 143, "coupon-api": 0, "order-api": 0}
    assert ends == orderly, (stack.collect_logs() / "postgresql.log").read_text()
    stack.up()

    again = stack.info()
    assert again.kafka.bootstrap_servers == first.kafka.bootstrap_servers
    assert _ask(again.postgresql.databases["order"], "SELECT answer FROM kept") == (42,)


def test_a_role_enters_only_the_databases_it_needs(stack: ControlledStack) -> None:
    stack.start("postgresql")
    url = stack.info().postgresql.databases["coupon"]

    assert _ask(url, "SELECT current_user") == ("coupon_service",)
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(url.removesuffix("coupon") + "order")
    relay = url.replace("coupon_service", "outbox_relay")
    assert _ask(relay, "SELECT current_user") == ("outbox_relay",)
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(relay.removesuffix("coupon") + "notification")
