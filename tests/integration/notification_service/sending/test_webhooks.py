"""What providers post is recorded before it is answered, in whatever order and however often it comes."""

import hmac
import json
from collections.abc import Mapping, Sequence

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from notification_service.api import build_application
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.record_results import RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_results import ReportedResults, ResultState
from notification_service.domain.attempt_history import AttemptOutcome, Purpose
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.errors import ForgedWebhook, MalformedWebhook
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent
from servicekit.http.validation import MAX_BODY_BYTES
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import delivering, delivery_of, transactions
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order
from tests.support.provider_double import ProviderDouble, a_result
from tests.support.sandbox import Sandbox

URL = "/webhooks/alimtalk/double"
SECRET = "only the provider knows it"
DELIVERED = {"id": "m-1", "state": "DELIVERED"}
FAILED = {"id": "m-1", "state": "FAILED"}
BY_SMS = {"id": "m-1", "state": "DELIVERED", "bySms": True}


def parse(headers: Mapping[str, str], _query: Mapping[str, str], body: bytes) -> ReportedResults:
    if not hmac.compare_digest(headers.get("x-secret", "").encode(), SECRET.encode()):
        raise ForgedWebhook
    try:
        entries = json.loads(body)
        known = [one for one in entries if one["state"] != "READ"]
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedWebhook from error
    results = [
        a_result(one["id"], ResultState(one["state"]), by_sms=one.get("bySms", False)) for one in known
    ]
    return ReportedResults(results, len(entries) - len(known))


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_application(engine, {"double": parse}).test_client()


@pytest.fixture
def accepted(engine: Engine, accept_order_events: AcceptOrderEvents, sandbox: Sandbox) -> OrderEvent:
    """An order whose alimtalk the provider has accepted as m-1."""
    order = a_completed_order()
    accept_order_events([order])
    courier = SendAlimtalk(ProviderDouble(), 0.0, WRITE_ALIMTALK)
    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier, provider="double") as work:
        work(StopSignal())
    return order


def post(client: FlaskClient, *results: Mapping[str, object], secret: str = SECRET) -> int:
    return client.post(URL, data=json.dumps(results), headers={"X-Secret": secret}).status_code


def status(engine: Engine, order: OrderEvent) -> DeliveryStatus:
    return delivery_of(engine, order, Effect.ALIMTALK).status


def expire(engine: Engine, order: OrderEvent) -> None:
    with transactions(engine)() as unit_of_work:
        assert unit_of_work.results.expire([delivery_of(engine, order, Effect.ALIMTALK).delivery_id]) == 1
        unit_of_work.commit()


def counted(effect: str) -> float:
    labels = {"provider": "double", "effect": effect}
    return REGISTRY.get_sample_value("alimtalk_webhook_results_total", labels) or 0.0


@pytest.mark.parametrize(
    ("posts", "expected"),
    [
        ([[DELIVERED]], DeliveryStatus.DELIVERED),
        ([[FAILED]], DeliveryStatus.FAILED),
        ([[DELIVERED], [DELIVERED]], DeliveryStatus.DELIVERED),
        ([[DELIVERED], [FAILED]], DeliveryStatus.DELIVERED),
        ([[FAILED], [DELIVERED]], DeliveryStatus.FAILED),
        ([[FAILED], [BY_SMS]], DeliveryStatus.DELIVERED),
        ([[BY_SMS], [FAILED]], DeliveryStatus.DELIVERED),
        ([[FAILED], [BY_SMS], [FAILED]], DeliveryStatus.DELIVERED),
        ([[FAILED, BY_SMS]], DeliveryStatus.DELIVERED),
        ([[{"id": "m-1", "state": "ACCEPTED"}]], DeliveryStatus.ACCEPTED),
        ([[{"id": "m-1", "state": "UNKNOWN"}]], DeliveryStatus.ACCEPTED),
        ([[DELIVERED], [{"id": "m-1", "state": "UNKNOWN"}]], DeliveryStatus.DELIVERED),
        ([[]], DeliveryStatus.ACCEPTED),
    ],
)
def test_results_in_any_order_leave_a_final_status_as_it_is(
    client: FlaskClient,
    engine: Engine,
    accepted: OrderEvent,
    posts: Sequence[Sequence[Mapping[str, object]]],
    expected: DeliveryStatus,
) -> None:
    for results in posts:
        assert post(client, *results) == 200

    assert status(engine, accepted) is expected


def test_a_forged_webhook_is_refused_and_changes_nothing(
    client: FlaskClient, engine: Engine, accepted: OrderEvent
) -> None:
    with capture_logs() as logs:
        assert post(client, DELIVERED, secret="guessed") == 401

    assert status(engine, accepted) is DeliveryStatus.ACCEPTED
    refused = [line for line in logs if line["event"] == "webhook_refused"]
    expected = {"provider": "double", "reason": "ForgedWebhook", "log_level": "warning"}
    assert refused == [{"event": "webhook_refused", **expected}]
    assert "guessed" not in str(logs)


def test_an_odd_entry_is_counted_and_the_others_are_recorded(
    client: FlaskClient, engine: Engine, accepted: OrderEvent
) -> None:
    refused, changed = counted("refused"), counted("changed")

    assert post(client, {"id": "m-1", "state": "READ"}, DELIVERED) == 200

    assert (counted("refused") - refused, counted("changed") - changed) == (1, 1)
    assert status(engine, accepted) is DeliveryStatus.DELIVERED


@pytest.mark.parametrize("body", [b"", b"\xff", b"{}}", b"[1]"])
def test_a_malformed_webhook_is_refused_and_changes_nothing(
    client: FlaskClient, engine: Engine, accepted: OrderEvent, body: bytes
) -> None:
    reply = client.post(URL, data=body, headers={"X-Secret": SECRET})

    assert (reply.status_code, reply.content_type) == (400, "application/problem+json")
    assert status(engine, accepted) is DeliveryStatus.ACCEPTED


def test_messages_that_are_not_known_are_answered_200_and_counted(
    client: FlaskClient, engine: Engine, accepted: OrderEvent
) -> None:
    unknown, changed = counted("unknown"), counted("changed")
    odd = [{"id": name, "state": "DELIVERED"} for name in ("m-2", "a\x00b", "\ud800", "")]

    assert post(client, *odd, DELIVERED) == 200

    assert (counted("unknown") - unknown, counted("changed") - changed) == (4, 1)
    assert status(engine, accepted) is DeliveryStatus.DELIVERED


def test_a_message_of_another_provider_is_not_known(engine: Engine, accepted: OrderEvent) -> None:
    recorded = RecordResults(transactions(engine))("other", [a_result("m-1")])

    assert (recorded.changed, recorded.unknown) == (0, 1)
    assert status(engine, accepted) is DeliveryStatus.ACCEPTED


def test_a_webhook_of_an_unknown_provider_is_not_found(client: FlaskClient) -> None:
    assert client.post("/webhooks/alimtalk/other", data=b"[]").status_code == 404
    assert client.get(URL).status_code == 405


# One byte more, because the server cuts a body without a length there.
@pytest.mark.parametrize("length", [MAX_BODY_BYTES + 1, 2 * MAX_BODY_BYTES])
def test_a_webhook_that_is_too_long_is_refused(
    client: FlaskClient, engine: Engine, accepted: OrderEvent, length: int
) -> None:
    body = json.dumps([DELIVERED]).ljust(length)

    assert client.post(URL, data=body, headers={"X-Secret": SECRET}).status_code == 413
    assert status(engine, accepted) is DeliveryStatus.ACCEPTED


def test_a_webhook_is_not_answered_200_unless_it_is_stored(
    client: FlaskClient, engine: Engine, accepted: OrderEvent
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("ALTER TABLE delivery ADD CONSTRAINT refuse CHECK (status <> 'DELIVERED') NOT VALID")
        )
    assert post(client, DELIVERED) == 500

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE delivery DROP CONSTRAINT refuse"))
    assert post(client, DELIVERED) == 200
    assert status(engine, accepted) is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    ("result", "expected", "outcome", "reason"),
    [
        (DELIVERED, DeliveryStatus.DELIVERED, AttemptOutcome.DELIVERED, None),
        (FAILED, DeliveryStatus.FAILED, AttemptOutcome.REJECTED, FailureReason.NOT_DELIVERED),
    ],
)
def test_a_late_result_mends_what_has_expired_and_is_in_the_history(
    client: FlaskClient,
    engine: Engine,
    accepted: OrderEvent,
    result: Mapping[str, object],
    expected: DeliveryStatus,
    outcome: AttemptOutcome,
    reason: FailureReason | None,
) -> None:
    expire(engine, accepted)

    assert [post(client, result) for _ in range(2)] == [200, 200]

    delivery = delivery_of(engine, accepted, Effect.ALIMTALK)
    assert (delivery.status, delivery.attempts, delivery.result_code) == (expected, 2, "1000")
    sent, late = delivery.history
    assert (sent.outcome, sent.reason) == (AttemptOutcome.ACCEPTED, FailureReason.NO_FINAL_RESULT)
    assert (late.number, late.provider, late.purpose) == (2, "double", Purpose.LOOK_UP)
    assert (late.outcome, late.reason, late.message_id) == (outcome, reason, "m-1")
    assert late.ended_at == delivery.completed_at


@pytest.mark.parametrize("state", ["ACCEPTED", "UNKNOWN"])
def test_what_has_expired_stays_so_without_a_final_result(
    client: FlaskClient, engine: Engine, accepted: OrderEvent, state: str
) -> None:
    expire(engine, accepted)

    assert post(client, {"id": "m-1", "state": state}) == 200

    assert status(engine, accepted) is DeliveryStatus.EXPIRED
