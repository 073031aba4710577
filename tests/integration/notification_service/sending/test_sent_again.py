"""What a provider reports that it could not send is sent again: no look-up finds the failed message."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.record_results import RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.delivery import Delivery, DeliveryStatus, Effect
from servicekit.lifecycle import StopSignal
from tests.integration.alimtalk_providers.connection import Connection, connected
from tests.integration.alimtalk_providers.providers import NHN, SOLAPI, Provider
from tests.integration.notification_service.effect_work import delivering, delivery_of, transactions
from tests.integration.provider_sandbox.doubles import Doubles, serving_doubles
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    with serving_doubles(tmp_path_factory.mktemp("doubles") / "sandbox.sqlite") as doubles:
        yield doubles


@pytest.fixture(params=[(NHN, "9998"), (SOLAPI, "3012")], ids=["nhn", "solapi"])
def failing(request: pytest.FixtureRequest, doubles: Doubles) -> Iterator[tuple[Connection, str]]:
    """A provider, and its code for what may be tried again."""
    provider: Provider
    provider, code = request.param
    doubles.reset()
    with connected(provider, doubles) as connection:
        yield connection, code


def test_what_could_not_be_sent_is_sent_as_another_message_each_time(
    engine: Engine,
    sandbox: Sandbox,
    accept_order_events: AcceptOrderEvents,
    failing: tuple[Connection, str],
) -> None:
    connection, code = failing
    provider = connection.adapter
    order = a_completed_order()
    accept_order_events([order])
    record_results = RecordResults(transactions(engine))

    def sent() -> Delivery:
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE delivery SET due_at = clock_timestamp() WHERE status = 'PENDING'")
            )
        courier = SendAlimtalk(provider, 0.0, WRITE_ALIMTALK)
        with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier, provider=provider.name) as work:
            work(StopSignal())
        delivery = delivery_of(engine, order, Effect.ALIMTALK)
        assert delivery.status is DeliveryStatus.ACCEPTED
        return delivery

    for times in (1, 2, 3):
        delivery = sent()
        assert len(connection.sent()) == times
        assert delivery.history[-1].message_id is not None
        failed = ProviderResult(delivery.history[-1].message_id, None, ResultState.FAILED, code)
        record_results(provider.name, [failed])
        # A webhook may come twice.
        record_results(provider.name, [failed])
        assert delivery_of(engine, order, Effect.ALIMTALK).status is DeliveryStatus.PENDING

    ids = [attempt.message_id for attempt in delivery_of(engine, order, Effect.ALIMTALK).history]
    assert len(set(ids)) == 3
