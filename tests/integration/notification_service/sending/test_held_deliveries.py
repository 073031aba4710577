"""What may not be sent now takes no slot of the provider's limit, and is no probe."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from notification_service.application.keep_quiet_hours import KeepQuietHours
from notification_service.application.ports import CheckDelivery
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.delivery import Effect
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from notification_service.domain.provider_state import ProviderStatus
from notification_service.domain.quiet_hours import QuietHours
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivery_of, transactions
from tests.integration.notification_service.limited_work import (
    MeteredProvider,
    consumers,
    set_state,
    state_of,
)
from tests.support.notification_builders import WRITE_ALIMTALK

SEOUL = ZoneInfo("Asia/Seoul")
NIGHT = datetime(2026, 11, 23, 23, tzinfo=SEOUL)


@pytest.fixture
def provider(engine: Engine, orders: list[OrderEvent]) -> MeteredProvider:
    provider = MeteredProvider()
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.reserve(provider.name, 0, 0.0)
        unit_of_work.commit()
    return provider


def at_night(provider: MeteredProvider) -> CheckDelivery:
    sending = SendAlimtalk(provider, 0.0, WRITE_ALIMTALK)
    return KeepQuietHours(sending, QuietHours.parse("21:00-08:00", SEOUL), lambda: NIGHT).check


def assert_held(engine: Engine, orders: list[OrderEvent]) -> None:
    deliveries = [delivery_of(engine, order, Effect.ALIMTALK) for order in orders]
    assert {delivery.last_error for delivery in deliveries} == {FailureReason.QUIET_HOURS}
    assert {delivery.attempts for delivery in deliveries} == {0}


def test_what_waits_for_the_morning_takes_no_slot(
    engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    with consumers(engine, provider, per_second=0.1, checks=[at_night(provider)]) as (work,):
        while work(StopSignal()).deliveries:
            pass

    assert_held(engine, orders)
    assert state_of(engine, provider).wait_seconds == 0
    assert provider.called_at == []


def test_what_waits_for_the_morning_is_no_probe(
    engine: Engine, provider: MeteredProvider, orders: list[OrderEvent]
) -> None:
    set_state(engine, provider, ProviderStatus.OPEN)

    with consumers(engine, provider, checks=[at_night(provider)]) as (work,):
        while work(StopSignal()).deliveries:
            pass

    assert_held(engine, orders)
    state = state_of(engine, provider)
    assert (state.status, state.probe_id) == (ProviderStatus.OPEN, None)
    assert state.probe_in_seconds is not None
    assert state.probe_in_seconds <= 0
