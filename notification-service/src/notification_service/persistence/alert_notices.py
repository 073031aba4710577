"""Notices of alerts that are on their way: leased like deliveries, and gone once they are received."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import Connection, Row, Uuid, text

from notification_service.domain.alert import AlertNotice, ClaimedNotice, NoticeKind
from notification_service.domain.alert_rule import Severity

_log = structlog.get_logger(__name__)

# Of the repetitions that wait only the newest matters: an outage must not end with a burst of them.
_ADD = text("""
    WITH outdated AS (
        DELETE FROM alert_notice WHERE alert_key = :key AND kind = 'REPEATED' AND claim_id IS NULL)
    INSERT INTO alert_notice (
           notice_id, alert_key, rule, severity, kind, noticed_at, began_at, seen, summary, details)
    VALUES (:notice_id, :key, :rule, :severity, :kind, :at, :began_at, :seen, :summary,
            CAST(:details AS jsonb))
""")
# Those of one alert in their order: a receiver must not learn of the recovery first.
_CLAIM = text("""
    WITH due AS (
        SELECT number FROM alert_notice AS notice
         WHERE due_at <= statement_timestamp()
           AND NOT EXISTS (SELECT FROM alert_notice AS earlier
                            WHERE earlier.alert_key = notice.alert_key AND earlier.number < notice.number)
         ORDER BY number LIMIT :limit
           FOR UPDATE SKIP LOCKED)
    UPDATE alert_notice
       SET claim_id = :claim_id,
           attempts = attempts + 1,
           due_at = clock_timestamp() + :lease_seconds * interval '1 second'
      FROM due
     WHERE alert_notice.number = due.number
 RETURNING alert_notice.*, EXTRACT(epoch FROM clock_timestamp() - noticed_at) AS age_seconds
""").columns(notice_id=Uuid)
_REMOVE = text("DELETE FROM alert_notice WHERE notice_id = :notice_id AND claim_id = :claim_id")
_POSTPONE = text("""
    UPDATE alert_notice
       SET claim_id = NULL, last_error = :reason, attempts = attempts - :given_back,
           due_at = clock_timestamp() + :delay_seconds * interval '1 second'
     WHERE notice_id = :notice_id AND claim_id = :claim_id
""")
_OLDEST = text("""
    SELECT COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(noticed_at)), 0) FROM alert_notice
""")


class SqlAlertNotices:
    """The notices on a connection whose transaction belongs to the caller. Times are the server's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notice: AlertNotice) -> None:
        self._connection.execute(_ADD, {
            "notice_id": notice.notice_id,
            "key": notice.key,
            "rule": notice.rule,
            "severity": notice.severity.value,
            "kind": notice.kind.value,
            "at": notice.at,
            "began_at": notice.began_at,
            "seen": notice.seen,
            "summary": notice.summary,
            "details": json.dumps(dict(notice.details)),
        })  # fmt: skip

    def claim(self, limit: int, lease_seconds: float) -> Sequence[ClaimedNotice]:
        claim_id = uuid4()
        rows = self._connection.execute(
            _CLAIM, {"limit": limit, "lease_seconds": lease_seconds, "claim_id": str(claim_id)}
        )
        claimed = []
        for row in sorted(rows, key=lambda row: row.number):
            try:
                notice = _notice_of(row)
            except ValueError as error:
                # It keeps its claim, and comes again: the release that wrote it may know its kind.
                _log.error("alert_notice_not_read", alert=row.alert_key, reason=str(error))
                continue
            claimed.append(ClaimedNotice(notice, claim_id, row.attempts, float(row.age_seconds)))
        return claimed

    def remove(self, claimed: ClaimedNotice) -> None:
        self._connection.execute(_REMOVE, _ids(claimed))

    def postpone(
        self, claimed: ClaimedNotice, delay_seconds: float, reason: str | None, *, was_attempted: bool
    ) -> None:
        self._connection.execute(
            _POSTPONE,
            {
                **_ids(claimed),
                "delay_seconds": delay_seconds,
                "reason": reason,
                "given_back": 0 if was_attempted else 1,
            },
        )

    def oldest_seconds(self) -> float:
        return float(self._connection.execute(_OLDEST).scalar_one())


def _ids(claimed: ClaimedNotice) -> dict[str, str]:
    return {"notice_id": str(claimed.notice.notice_id), "claim_id": str(claimed.claim_id)}


def _notice_of(row: Row[Any]) -> AlertNotice:
    notice_id: UUID = row.notice_id
    at: datetime = row.noticed_at
    return AlertNotice(
        notice_id, row.alert_key, row.rule, Severity(row.severity), NoticeKind(row.kind), at,
        row.began_at, row.seen, row.summary, row.details,
    )  # fmt: skip
