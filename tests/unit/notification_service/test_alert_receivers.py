"""What each receiver of alerts is sent, on a real socket."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from notification_service.domain.alert import AlertNotice, NoticeKind
from notification_service.domain.alert_rule import Severity
from notification_service.domain.errors import DeliveryFailed, OutcomeUnknown, ReceiverUnavailable
from notification_service.monitoring.alertmanager import Alertmanager
from notification_service.monitoring.slack import Slack
from notification_service.monitoring.standard_webhook import StandardWebhook
from servicekit.identifiers import uuid7
from servicekit.outbound.http_client import create_http_client
from tests.support.alert_receiver import AlertReceiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def a_notice(kind: NoticeKind = NoticeKind.FIRING, **changes: Any) -> AlertNotice:
    notice = AlertNotice(
        notice_id=uuid7(),
        key="large_order:KRW",
        rule="large_order",
        severity=Severity.WARNING,
        kind=kind,
        at=NOON + timedelta(minutes=5),
        began_at=NOON,
        seen=3,
        summary="3 orders above 10,000,000 KRW, the last of 12,000,000 KRW",
        details={"orderId": "o-1", "totalAmount": 12_000_000},
    )
    return replace(notice, **changes)


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    with AlertReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with create_http_client(1.0, 2) as client:
        yield client


def test_a_webhook_is_signed_for_its_receiver(receiver: AlertReceiver, client: httpx.Client) -> None:
    notice = a_notice()

    StandardWebhook(client, f"{receiver.url}/hook", SECRET)(notice)

    (post,) = receiver.posts
    # As the receiver's own library checks it, with the time of the attempt.
    body = Webhook(SECRET).verify(post.body, post.headers)
    assert post.headers["webhook-id"] == str(notice.notice_id)
    assert body == {
        "type": "alert.firing",
        "timestamp": "2026-11-23T12:05:00.000000Z",
        "data": {
            "alert": "large_order:KRW",
            "rule": "large_order",
            "severity": "warning",
            "summary": notice.summary,
            "beganAt": "2026-11-23T12:00:00.000000Z",
            "seen": 3,
            "details": {"orderId": "o-1", "totalAmount": 12_000_000},
        },
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET[:-4] + "AAAA").verify(post.body, post.headers)


def test_an_attempt_later_is_signed_anew(receiver: AlertReceiver, client: httpx.Client) -> None:
    notice, times = a_notice(), [NOON, NOON + timedelta(hours=2)]
    send = StandardWebhook(client, receiver.url, SECRET, lambda: times.pop(0))

    send(notice)
    send(notice)

    first, second = receiver.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    seconds = [int(post.headers["webhook-timestamp"]) for post in (first, second)]
    assert seconds == [NOON.timestamp(), NOON.timestamp() + 7_200]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_slack_gets_a_text_without_foreign_markup(receiver: AlertReceiver, client: httpx.Client) -> None:
    send = Slack(client, f"{receiver.url}/services/T/B/x")

    send(a_notice())
    send(a_notice(NoticeKind.RESOLVED, summary="<!channel> & more"))

    firing, resolved = receiver.posts
    assert (firing.path, firing.json.keys()) == ("/services/T/B/x", {"text"})
    assert firing.json["text"].splitlines() == [
        ":rotating_light: *FIRING* large_order:KRW (warning)",
        "3 orders above 10,000,000 KRW, the last of 12,000,000 KRW",
        "orderId: o-1, totalAmount: 12000000",
    ]
    assert resolved.json["text"].splitlines()[1:] == [
        "&lt;!channel&gt; &amp; more",
        "orderId: o-1, totalAmount: 12000000",
        "seen 3 times since 2026-11-23 12:00 UTC",
    ]


def test_alertmanager_has_one_alert_until_it_ends(receiver: AlertReceiver, client: httpx.Client) -> None:
    send = Alertmanager(client, f"{receiver.url}/")

    send(a_notice())
    send(a_notice(NoticeKind.REPEATED, seen=9, at=NOON + timedelta(hours=1)))
    send(a_notice(NoticeKind.RESOLVED, at=NOON + timedelta(hours=5)))

    assert {post.path for post in receiver.posts} == {"/api/v2/alerts"}
    firing, repeated, resolved = (alert for post in receiver.posts for alert in post.json)
    # Alertmanager knows an alert by its labels.
    assert firing["labels"] == repeated["labels"] == resolved["labels"]
    assert firing["labels"]["alertname"] == "large_order"
    # Of its postableAlert: maps of strings.
    assert {type(value) for part in ("labels", "annotations") for value in firing[part].values()} == {str}
    assert firing["startsAt"] == resolved["startsAt"] == "2026-11-23T12:00:00.000000Z"
    assert firing["endsAt"] == "2026-11-26T12:05:00.000000Z"
    assert resolved["endsAt"] == "2026-11-23T17:00:00.000000Z"
    assert repeated["annotations"]["seen"] == "9"


@pytest.mark.parametrize("make", [
    lambda client, url: StandardWebhook(client, url, SECRET), Slack, Alertmanager,
], ids=["webhook", "slack", "alertmanager"])  # fmt: skip
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (404, ReceiverUnavailable),
        (429, ReceiverUnavailable),
        (503, ReceiverUnavailable),
        (500, OutcomeUnknown),
        (None, OutcomeUnknown),
    ],
)
def test_what_is_not_received_is_an_error(
    receiver: AlertReceiver, client: httpx.Client, make: Any, answer: int | None, error: type[DeliveryFailed]
) -> None:
    receiver.answers.append(answer)
    send = make(client, receiver.url)

    with pytest.raises(error):
        send(a_notice())
    send(a_notice())

    assert len(receiver.received) == 1
