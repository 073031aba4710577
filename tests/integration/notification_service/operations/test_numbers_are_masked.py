"""No log, answer or stored error shows a recipient's number, however a provider or an event writes it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
import structlog
from click.testing import CliRunner
from sqlalchemy import Engine, text

from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.api import build_application
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.cli import main
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.order_event import OrderEvent
from notification_service.messaging.incoming_order_completed import OrderCompleted
from servicekit.lifecycle import StopSignal
from servicekit.messaging.events import parse_event
from servicekit.messaging.records import InvalidMessage, ReceivedRecord
from tests.integration.notification_service.effect_work import delivering
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.notification_events import an_event, encoded
from tests.support.phone_spellings import PHONE, SPELLINGS, shows_number
from tests.support.sandbox import Sandbox

ECHO = " ".join(SPELLINGS)
ANSWERS = {
    "rejected": httpx.Response(400, text=ECHO),
    "forbidden": httpx.Response(403, text=ECHO),
    "busy": httpx.Response(503, text=ECHO),
    "error": httpx.Response(500, text=ECHO),
    "malformed": httpx.Response(200, json={"messageId": None, "to": ECHO}),
    "escaped": httpx.Response(400, content=json.dumps({"to": ECHO})),
}


def _no_reply(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout(ECHO, request=request)


def _bug(request: httpx.Request) -> httpx.Response:
    raise KeyError(ECHO)


def transports() -> Iterator[httpx.MockTransport]:
    for answer in ANSWERS.values():
        yield httpx.MockTransport(lambda _, answer=answer: answer)
    yield httpx.MockTransport(_no_reply)
    yield httpx.MockTransport(_bug)


def attempted(
    engine: Engine, accept: AcceptOrderEvents, sandbox: Sandbox, transport: httpx.MockTransport
) -> OrderEvent:
    """An order whose alimtalk was attempted, then asked about or repeated."""
    order = a_completed_order(phone=PHONE, completed_at=datetime.now(UTC))
    accept([order])
    courier = SendAlimtalk(
        SandboxAlimtalkProvider(httpx.Client(transport=transport), "http://provider"), 0.0, WRITE_ALIMTALK
    )
    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier) as work:
        for _ in range(2):
            work(StopSignal())
            with engine.begin() as connection:
                connection.execute(text("UPDATE delivery SET due_at = now() WHERE due_at IS NOT NULL"))
    return order


def test_no_log_answer_or_stored_error_shows_the_number(
    accept_order_events: AcceptOrderEvents,
    engine: Engine,
    migrated_url: str,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    client, shown = build_application(engine).test_client(), list[str]()

    with structlog.testing.capture_logs() as logs:
        for transport in transports():
            order = attempted(engine, accept_order_events, sandbox, transport)
            shown.append(
                client.get("/api/v1/notifications", query_string={"orderId": str(order.order_id)}).text
            )
            assert "alimtalk" in shown[-1]
    listed = client.get("/api/v1/deliveries", query_string={"status": [*DeliveryStatus]})
    deliveries = [delivery["deliveryId"] for delivery in listed.get_json()["deliveries"]]
    assert len(deliveries) >= len(ANSWERS)
    shown += [listed.text, *(client.get(f"/api/v1/deliveries/{each}").text for each in deliveries)]
    for arguments in (["list"], ["list", "--json"], ["list", "--status", "PENDING"]):
        shown.append(CliRunner().invoke(main, ["deliveries", *arguments]).output)
    with engine.begin() as connection:
        for table in ("delivery", "delivery_attempt"):
            shown += map(str, connection.execute(text(f"SELECT * FROM {table}")))  # noqa: S608 - our tables

    assert {line["event"] for line in logs} >= {
        "delivery_given_up",
        "delivery_delayed",
        "delivery_attempt_crashed",
    }
    assert [line for line in [*map(str, logs), *shown] if shows_number(line)] == []
    assert any("[removed]" in str(line) for line in logs)


@pytest.mark.parametrize(
    "recipient", [{"name": "김하늘", "phone": [PHONE]}, {"phone": PHONE}, {"name": "", "phone": PHONE * 20}]
)
def test_an_event_that_is_set_aside_does_not_quote_the_number(recipient: dict[str, object]) -> None:
    key, value = encoded(an_event(recipient=recipient))
    record = ReceivedRecord("order-completed", 0, 7, key, value)

    with pytest.raises(InvalidMessage) as invalid:
        parse_event(record, OrderCompleted)

    assert not shows_number(str(invalid.value))
