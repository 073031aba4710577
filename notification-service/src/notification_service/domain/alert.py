"""Alerts: one for each thing that is wrong, however often it is seen, and by however many processes.

quiet ──seen──► FIRING ──┬─ seen again after the quiet time ─► REPEATED
  ▲                      │
  └───── RESOLVED ◄──────┘  not seen for as long as its rule says
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from notification_service.domain.alert_rule import AlertTiming, Severity

Details = Mapping[str, str | int]
"""What was seen: ids, amounts and numbers, and nothing about the person."""


class NoticeKind(StrEnum):
    """What a notice says of its alert."""

    FIRING = "FIRING"
    REPEATED = "REPEATED"
    RESOLVED = "RESOLVED"


@dataclass(frozen=True, slots=True)
class Seen:
    """Something wrong, seen ``number`` times; ``summary`` and ``details`` are of the last one."""

    number: int
    summary: str
    details: Details = field(hash=False)


@dataclass(frozen=True, slots=True)
class Alert:
    """What all processes together know of one alert. Without ``began_at`` nothing is wrong.

    ``seen`` counts since it began, and ``unnoticed`` since its last notice.
    """

    key: str
    rule: str
    began_at: datetime | None = None
    last_seen_at: datetime | None = None
    noticed_at: datetime | None = None
    seen: int = 0
    unnoticed: int = 0
    summary: str = ""
    details: Details = field(default_factory=dict, hash=False)

    def after(self, seen: Seen, now: datetime) -> "Alert":
        """The alert once this was seen."""
        return replace(
            self,
            began_at=self.began_at or now,
            last_seen_at=now,
            seen=self.seen + seen.number,
            unnoticed=self.unnoticed + seen.number,
            summary=seen.summary,
            details=seen.details,
        )

    def due_notice(self, timing: AlertTiming, now: datetime) -> NoticeKind | None:
        """What is to be said of it now."""
        if self.began_at is None or self.last_seen_at is None:
            return None
        if self.noticed_at is None:
            return NoticeKind.FIRING
        if now >= self.last_seen_at + timing.recovered_after:
            return NoticeKind.RESOLVED
        if self.unnoticed and now >= self.noticed_at + timing.quiet:
            return NoticeKind.REPEATED
        return None

    def noticed(self, kind: NoticeKind, now: datetime) -> "Alert":
        """The alert once a notice of this kind is on its way."""
        if kind is NoticeKind.RESOLVED:
            return Alert(self.key, self.rule)
        return replace(self, noticed_at=now, unnoticed=0)


@dataclass(frozen=True, slots=True)
class AlertNotice:
    """A message about an alert. ``notice_id`` stays the same however often it is sent."""

    notice_id: UUID
    key: str
    rule: str
    severity: Severity
    kind: NoticeKind
    at: datetime
    began_at: datetime
    seen: int
    summary: str
    details: Details = field(hash=False)


def notice_of(
    alert: Alert, kind: NoticeKind, severity: Severity, now: datetime, notice_id: UUID
) -> AlertNotice:
    """The notice of an alert that has begun."""
    return AlertNotice(
        notice_id, alert.key, alert.rule, severity, kind, now, alert.began_at or now,
        alert.seen, alert.summary, alert.details,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClaimedNotice:
    """A notice that only its claimant may send, until the lease expires.

    ``attempt`` counts from 1, and ``age_seconds`` from the notice's own time.
    """

    notice: AlertNotice
    claim_id: UUID
    attempt: int
    age_seconds: float
