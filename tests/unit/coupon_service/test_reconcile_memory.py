"""What reconciliation holds, where a topic is full of what it can't use."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from coupon_service.application.ports import FoundRecord, Page
from coupon_service.application.reconcile_requests import ReconcileRequests
from coupon_service.domain.coupon_request import RequestToDecide
from coupon_service.domain.reconciling import (
    CouponCount,
    DeadLetterState,
    DifferenceKind,
    NumberRange,
    Place,
    UndecidedRequests,
)

NOW = datetime(2026, 11, 30, tzinfo=UTC)
RECORDS, AT_A_TIME = 50_000, 500


class EmptyDatabase:
    """The facts of a service that has stored nothing."""

    def now(self) -> datetime:
        return NOW

    def estimates(self) -> Mapping[str, int]:
        return {}

    def requests(self, undecided: UndecidedRequests) -> Iterator[Page]:
        return iter(())

    def user_coupons(self) -> Iterator[Page]:
        return iter(())

    def orders(self) -> Iterator[Page]:
        return iter(())

    def keys(self) -> Iterator[Page]:
        return iter(())

    def coupons(self) -> Iterator[Sequence[CouponCount]]:
        return iter(())

    def missing_issue_numbers(self, ranges: Sequence[NumberRange]) -> Sequence[NumberRange]:
        return ()

    def missing_decision_numbers(self, ranges: Sequence[NumberRange]) -> Sequence[NumberRange]:
        return ()

    def outbox_events(self, undecided: UndecidedRequests) -> Iterator[Page]:
        return iter(())

    def refused(self, events: Sequence[RequestToDecide]) -> frozenset[UUID]:
        return frozenset()

    def next_offsets(self, identity: tuple[str, str | None]) -> Mapping[int, int]:
        return {0: RECORDS}

    def still_undecided(self, request_ids: Sequence[UUID]) -> frozenset[UUID]:
        return frozenset()


class UselessTopic:
    """Each of its records breaks its contract and is a dead letter; every second one was discarded."""

    def size(self) -> int:
        return RECORDS

    def identity(self) -> tuple[str, str | None]:
        return "cluster", "topic"

    def records(self) -> Iterator[Sequence[FoundRecord]]:
        for begin in range(0, RECORDS, AT_A_TIME):
            yield [FoundRecord((0, offset), NOW, None) for offset in range(begin, begin + AT_A_TIME)]

    def gaps(self) -> Iterator[str]:
        return (f"0:{number}-{number}" for number in range(RECORDS))

    def dead_letters(self) -> Iterator[tuple[Place, DeadLetterState]]:
        for offset in range(RECORDS):
            yield (0, offset), "DISCARDED" if offset % 2 else "OPEN"


def test_useless_records_and_their_dead_letters_cost_some_bytes_each() -> None:
    tracemalloc.start()
    try:
        findings, _ = ReconcileRequests(EmptyDatabase(), UselessTopic(), None, lambda *_: None)(max_ids=3)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert findings.counts == {
        DifferenceKind.TOPIC_RECORDS_GONE: RECORDS,
        DifferenceKind.FOREIGN_RECORD: RECORDS // 2,
    }
    assert findings.ids[DifferenceKind.FOREIGN_RECORD] == ["0:0", "0:2", "0:4"]
    # 9 for each record, what an array keeps in reserve, and one batch.
    assert most_bytes < 20 * RECORDS
