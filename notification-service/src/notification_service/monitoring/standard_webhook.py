"""Alerts as a signed webhook, by the specification of Standard Webhooks."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from notification_service.domain.alert import AlertNotice
from notification_service.http_client import exchange, unexpected
from servicekit.rfc3339 import format_rfc3339

_TYPES = {"FIRING": "alert.firing", "REPEATED": "alert.repeated", "RESOLVED": "alert.resolved"}


class StandardWebhook:
    """Posts each notice, signed with the secret that the receiver has, too.

    A post whose reply was lost is repeated under the same ``webhook-id``: the receiver drops repetitions.
    """

    def __init__(
        self, client: httpx.Client, url: str, secret: str, now: Callable[[], datetime] | None = None
    ) -> None:
        self._client = client
        self._url = url
        self._signer = Webhook(secret)
        self._now = now or (lambda: datetime.now(UTC))

    def __call__(self, notice: AlertNotice) -> None:
        webhook_id = str(notice.notice_id)
        # Of this attempt: a receiver refuses what is older than some minutes.
        sent_at = self._now()
        body = json.dumps(_body(notice), ensure_ascii=False)
        request = self._client.build_request(
            "POST",
            self._url,
            content=body.encode(),
            headers={
                "Content-Type": "application/json",
                "webhook-id": webhook_id,
                "webhook-timestamp": str(int(sent_at.timestamp())),
                "webhook-signature": self._signer.sign(webhook_id, sent_at, body),
            },
        )
        response = exchange(self._client, request)
        if not response.is_success:
            raise unexpected(response)


def _body(notice: AlertNotice) -> dict[str, object]:
    return {
        "type": _TYPES[notice.kind],
        "timestamp": format_rfc3339(notice.at),
        "data": {
            "alert": notice.key,
            "rule": notice.rule,
            "severity": notice.severity.value,
            "summary": notice.summary,
            "beganAt": format_rfc3339(notice.began_at),
            "seen": notice.seen,
            "details": dict(notice.details),
        },
    }
