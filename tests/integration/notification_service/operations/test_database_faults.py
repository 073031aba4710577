"""A database that answers and can't store anything: the consumer keeps its records, and waits."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from devstack.postgresql import PostgresqlServer
from tests.integration.notification_service.consumer_deployment import (
    EFFECTS,
    ConsumerDeployment,
    stop_gracefully,
)
from tests.support.database_faults import no_space_for, read_only
from tests.support.notification_events import an_event

Fault = Callable[[], AbstractContextManager[None]]


def read_only_fault(server: PostgresqlServer, url: str) -> AbstractContextManager[None]:
    return read_only(url)


def full_disk(table: str) -> Callable[[PostgresqlServer, str], AbstractContextManager[None]]:
    return lambda server, url: no_space_for(server, url, table)


@pytest.mark.parametrize(
    ("fault", "postponed"),
    [
        # Its first offsets can't be stored, or, where it was quick, its first batch.
        (read_only_fault, ["offsets_not_compared", "batch_postponed"]),
        (full_disk("completed_order"), ["batch_postponed"]),
        (full_disk("analytics_order"), ["effect_postponed"]),
    ],
    ids=["read-only", "no space for orders", "no space for an effect"],
)
def test_consumer_waits_for_a_database_that_can_not_store(
    deployment: ConsumerDeployment,
    postgresql_server: PostgresqlServer,
    migrated_url: str,
    fault: Callable[[PostgresqlServer, str], AbstractContextManager[None]],
    postponed: list[str],
) -> None:
    events = [an_event() for _ in range(20)]
    consumer = deployment.start_consumer()

    with fault(postgresql_server, migrated_url):
        deployment.produce(events)
        line = consumer.logged(*postponed)
    for effect in EFFECTS:
        deployment.wait_for(effect, delivered=20)

    assert "SQLSTATE" in line["reason"]
    deployment.assert_each_once(events)
    stop_gracefully(consumer)
