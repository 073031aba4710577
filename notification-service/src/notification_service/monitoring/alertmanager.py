"""Alerts as those of Prometheus' Alertmanager, by its API v2, which groups, silences and routes them."""

from datetime import timedelta

import httpx

from notification_service.domain.alert import AlertNotice, NoticeKind
from notification_service.http_client import exchange, unexpected
from servicekit.rfc3339 import format_rfc3339

_PATH = "/api/v2/alerts"
# Without an end, Alertmanager takes an alert that isn't posted again for resolved after five minutes. Longer
# than any quiet time and any recovery: until then the next notice comes.
_HELD = timedelta(days=3)


class Alertmanager:
    """Posts each notice as the alert's present state. Posting it twice changes nothing."""

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        self._client = client
        self._url = f"{base_url.rstrip('/')}{_PATH}"

    def __call__(self, notice: AlertNotice) -> None:
        response = exchange(
            self._client, self._client.build_request("POST", self._url, json=[_alert(notice)])
        )
        if not response.is_success:
            raise unexpected(response)


def _alert(notice: AlertNotice) -> dict[str, object]:
    ends_at = notice.at if notice.kind is NoticeKind.RESOLVED else notice.at + _HELD
    return {
        # What is in the labels makes an alert another one: only what stays the same while it lasts.
        "labels": {
            "alertname": notice.rule,
            "alert": notice.key,
            "severity": notice.severity.value,
            "job": "notification-consumer",
        },
        "annotations": {
            "summary": notice.summary,
            "seen": str(notice.seen),
            **{name: str(value) for name, value in notice.details.items()},
        },
        "startsAt": format_rfc3339(notice.began_at),
        "endsAt": format_rfc3339(ends_at),
    }
