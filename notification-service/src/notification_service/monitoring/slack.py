"""Alerts as messages in a channel of Slack, by an incoming webhook."""

import httpx

from notification_service.domain.alert import AlertNotice, NoticeKind
from notification_service.http_client import exchange, unexpected

_SIGNS = {
    NoticeKind.FIRING: ":rotating_light:",
    NoticeKind.REPEATED: ":repeat:",
    NoticeKind.RESOLVED: ":white_check_mark:",
}
# What Slack takes for markup: https://docs.slack.dev/messaging/formatting-message-text
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Slack:
    """Posts each notice as text. After a lost reply it may stand there twice: Slack knows no key of ours."""

    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self._url = url

    def __call__(self, notice: AlertNotice) -> None:
        response = exchange(
            self._client, self._client.build_request("POST", self._url, json={"text": _text(notice)})
        )
        # A wrong URL or a removed channel is 4xx: an operator mends it, and the notice follows.
        if not response.is_success:
            raise unexpected(response)


def _text(notice: AlertNotice) -> str:
    head = f"{_SIGNS[notice.kind]} *{notice.kind.value}* {notice.key} ({notice.severity.value})"
    lines = [notice.summary, ", ".join(f"{name}: {value}" for name, value in notice.details.items())]
    if notice.kind is not NoticeKind.FIRING:
        lines.append(f"seen {notice.seen} times since {notice.began_at:%Y-%m-%d %H:%M} UTC")
    return "\n".join([head, *(line.translate(_ESCAPES) for line in lines if line)])
