"""Sending notices of alerts to where people see them."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from notification_service.application.ports import AlertReceiver, StopCheck, UnitOfWorkFactory, WorkDone
from notification_service.domain.alert import ClaimedNotice
from notification_service.domain.errors import DeliveryFailed, OutcomeUnknown, ReceiverUnavailable
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.retry_policy import RetryPolicy
from servicekit.lease_clock import lease_clock_seconds

_BATCH = 10
_PAUSE_SECONDS = 1.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class NoticeLease:
    """How long a notice is one process's; none is sent with less than ``attempt_seconds`` of it left."""

    lease_seconds: float
    attempt_seconds: float


class SendAlerts:
    """Sends what is due, one after the other, each until the receiver has it.

    A lost reply leads to a repetition with the same id. Not by DeliverEffect: a delivery is an order's, which
    a recovery or an hour hasn't, and notices are few.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        send: AlertReceiver,
        retry: RetryPolicy,
        lease: NoticeLease,
        jitter: Callable[[], float],
    ) -> None:
        self._unit_of_work = unit_of_work
        self._send = send
        self._retry = retry
        self._lease = lease
        self._jitter = jitter

    def __call__(self, stop: StopCheck) -> WorkDone:
        if stop.is_set():
            return WorkDone(0)
        # Read before the claim: the lease can only expire later than this clock says.
        last_begin = lease_clock_seconds() + self._lease.lease_seconds - self._lease.attempt_seconds
        with self._unit_of_work() as unit_of_work:
            claimed = unit_of_work.alert_notices.claim(_BATCH, self._lease.lease_seconds)
            # Before any call: the lease must survive a crash of this process.
            unit_of_work.commit()
        for each in claimed:
            may_send = not stop.is_set() and lease_clock_seconds() < last_begin
            self._attempt(each) if may_send else self._release(each)
        return WorkDone(len(claimed), 0.0 if claimed else _PAUSE_SECONDS)

    def _attempt(self, claimed: ClaimedNotice) -> None:
        try:
            self._send(claimed.notice)
        except DeliveryFailed as failure:
            self._note_failure(claimed, failure)
            return
        except Exception as error:  # noqa: BLE001 - a bug that one notice meets must not stop the effects
            _log.error("alert_attempt_crashed", **_fields(claimed), exc_info=error)
            detail = f"internal error: {type(error).__name__}"
            self._note_failure(claimed, OutcomeUnknown(FailureReason.INTERNAL_ERROR, detail))
            return
        with self._unit_of_work() as unit_of_work:
            unit_of_work.alert_notices.remove(claimed)
            unit_of_work.commit()
        _log.info("alert_sent", **_fields(claimed))

    def _note_failure(self, claimed: ClaimedNotice, failure: DeliveryFailed) -> None:
        is_last = self._retry.is_exhausted(claimed.age_seconds, claimed.attempt)
        log = _log.error if is_last else _log.warning
        log(
            "alert_given_up" if is_last else "alert_delayed",
            **_fields(claimed), reason=failure.reason.value, detail=str(failure)[:500],
        )  # fmt: skip
        with self._unit_of_work() as unit_of_work:
            if is_last:
                unit_of_work.alert_notices.remove(claimed)
            else:
                unit_of_work.alert_notices.postpone(
                    claimed, self._delay_seconds(claimed, failure), failure.reason.value, was_attempted=True
                )
            unit_of_work.commit()

    def _delay_seconds(self, claimed: ClaimedNotice, failure: DeliveryFailed) -> float:
        delay_seconds = self._retry.delay_seconds(claimed.attempt, self._jitter())
        if isinstance(failure, ReceiverUnavailable) and failure.retry_after_seconds is not None:
            return max(delay_seconds, min(failure.retry_after_seconds, self._retry.cap_seconds))
        return delay_seconds

    def _release(self, claimed: ClaimedNotice) -> None:
        with self._unit_of_work() as unit_of_work:
            unit_of_work.alert_notices.postpone(claimed, 0.0, None, was_attempted=False)
            unit_of_work.commit()


def _fields(claimed: ClaimedNotice) -> dict[str, str | int]:
    notice = claimed.notice
    return {
        "alert": notice.key,
        "kind": notice.kind.value,
        "notice_id": str(notice.notice_id),
        "attempt": claimed.attempt,
    }
