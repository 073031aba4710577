"""What may differ between requests, decisions, users' coupons, counters, events and the topic."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Literal
from uuid import UUID

UNDECIDED_AGE = timedelta(seconds=60)
"""A request that is younger may still be on its way to its decision."""
NEVER_REMOVED_WITHIN = timedelta(hours=720)
"""Retention leaves every request in place for at least as long."""
HISTORY_NEVER_REMOVED_WITHIN = timedelta(hours=17_520)
"""The same of what happened to users' coupons, and of orders' differences."""

_ID_BYTES = 16


class DifferenceKind(StrEnum):
    """What contradicts what. The ids that are reported with each are those that the text names first."""

    ISSUED_WITHOUT_USER_COUPON = "issued_without_user_coupon"
    USER_COUPON_WITHOUT_ISSUE = "user_coupon_without_issue"
    USER_COUPON_DISAGREES = "user_coupon_disagrees"
    LIMIT_EXCEEDED = "limit_exceeded"
    COPY_MISSING = "copy_missing"
    HISTORY_DISAGREES = "history_disagrees"
    ORDER_DISAGREES = "order_disagrees"
    ISSUED_QUANTITY_WRONG = "issued_quantity_wrong"
    DECIDED_COUNT_WRONG = "decided_count_wrong"
    OVERSOLD = "oversold"
    ISSUE_NUMBER_MISSING = "issue_number_missing"
    DECISION_NUMBER_MISSING = "decision_number_missing"
    KEY_WITHOUT_REQUEST = "key_without_request"
    OUTBOX_EVENT_WITHOUT_REQUEST = "outbox_event_without_request"
    OUTBOX_EVENT_DISAGREES = "outbox_event_disagrees"
    FOREIGN_RECORD = "foreign_record"
    TOPIC_RECORDS_GONE = "topic_records_gone"
    EVENT_MISSING = "event_missing"
    EVENT_LOST = "event_lost"
    APPLIED_WITHOUT_DECISION = "applied_without_decision"
    EVENT_GIVEN_UP = "event_given_up"
    EVENT_PARKED = "event_parked"
    EVENT_SET_ASIDE = "event_set_aside"


DESCRIPTIONS: Mapping[DifferenceKind, str] = {
    DifferenceKind.ISSUED_WITHOUT_USER_COUPON: "requests are ISSUED, and the user has no coupon of them",
    DifferenceKind.USER_COUPON_WITHOUT_ISSUE: "requests are not ISSUED, and a user has a coupon of them",
    DifferenceKind.USER_COUPON_DISAGREES: "requests name another user, coupon or number than the user coupon",
    DifferenceKind.LIMIT_EXCEEDED: "user coupons are beyond the limit a user",
    DifferenceKind.COPY_MISSING: "user coupons are a further copy, and the copy before them is missing",
    DifferenceKind.HISTORY_DISAGREES: "user coupons stand otherwise than their recorded changes say",
    DifferenceKind.ORDER_DISAGREES: "orders are paid and do not use their coupon, or cancelled and use it",
    DifferenceKind.ISSUED_QUANTITY_WRONG: "coupons count other issues than the highest issue number",
    DifferenceKind.DECIDED_COUNT_WRONG: "coupons count fewer decisions than the highest decision number",
    DifferenceKind.OVERSOLD: "coupons have more user coupons than stock",
    DifferenceKind.ISSUE_NUMBER_MISSING: "coupons have gaps in their issue numbers",
    DifferenceKind.DECISION_NUMBER_MISSING: "coupons have gaps in their decision numbers",
    DifferenceKind.KEY_WITHOUT_REQUEST: "requests were answered under an idempotency key, and are not stored",
    DifferenceKind.OUTBOX_EVENT_WITHOUT_REQUEST: "outbox positions have an event without a stored request",
    DifferenceKind.OUTBOX_EVENT_DISAGREES: "outbox positions have an event of another user, coupon or key",
    DifferenceKind.FOREIGN_RECORD: "records of the topic can have no effect, and nobody handled them",
    DifferenceKind.TOPIC_RECORDS_GONE: "offsets are missing in the middle of the topic, until retention ends",
    DifferenceKind.EVENT_MISSING: "requests are undecided, and have no event",
    DifferenceKind.EVENT_LOST: "requests are undecided, and the topic lost their event",
    DifferenceKind.APPLIED_WITHOUT_DECISION: "requests are undecided, and the worker is past their event",
    DifferenceKind.EVENT_GIVEN_UP: "requests are undecided, and an operator discarded their event",
    DifferenceKind.EVENT_PARKED: "requests are undecided, and the relay parked their event",
    DifferenceKind.EVENT_SET_ASIDE: "requests are undecided, and their event is an open dead letter",
}

GETS_EVENT_AGAIN = frozenset(
    {
        DifferenceKind.EVENT_MISSING,
        DifferenceKind.EVENT_LOST,
        DifferenceKind.APPLIED_WITHOUT_DECISION,
        DifferenceKind.EVENT_GIVEN_UP,
    }
)
GETS_RECOUNTED = frozenset({DifferenceKind.ISSUED_QUANTITY_WRONG, DifferenceKind.DECIDED_COUNT_WRONG})


class Waiting(StrEnum):
    """Why a request is rightly undecided: no difference."""

    FOR_RELAY = "for_relay"
    FOR_WORKER = "for_worker"


class EventState(IntEnum):
    """How far the service's own database knows a request's event; of several events, the highest counts."""

    NONE = 0
    DISCARDED = 1
    PUBLISHED = 2
    PARKED = 3
    UNPUBLISHED = 4


DeadLetterState = Literal["OPEN", "REPLAYED", "DISCARDED"]

Place = tuple[int, int]
"""Partition and offset."""


class Findings:
    """Counts each kind of difference as a whole, and keeps the first ids of each."""

    def __init__(self, max_ids: int) -> None:
        self._max_ids = max_ids
        self.counts: Counter[DifferenceKind] = Counter()
        self.ids: dict[DifferenceKind, list[str]] = {}
        self.waiting: Counter[Waiting] = Counter()
        self.compared: Counter[str] = Counter()
        """How many of each thing were looked at."""

    def add(self, kind: DifferenceKind, identity: object) -> None:
        self.counts[kind] += 1
        ids = self.ids.setdefault(kind, [])
        if len(ids) < self._max_ids:
            ids.append(str(identity))


class UndecidedRequests:
    """Undecided requests with what is known of their events, in 27 bytes each."""

    def __init__(self) -> None:
        self._ids = bytearray()
        self._events = bytearray()
        self._partitions = array("h")
        self._offsets = array("q")

    def __len__(self) -> int:
        return len(self._events)

    def add(self, request_id: UUID) -> None:
        """To be called in the order of the ids; one that comes twice counts once."""
        if self._ids.endswith(request_id.bytes):
            return
        self._ids += request_id.bytes
        self._events.append(EventState.NONE)
        self._partitions.append(-1)
        self._offsets.append(-1)

    def saw_event(self, request_id: UUID, state: EventState) -> None:
        """An event of the request, if it is one of these, is in that state."""
        number = self._find(request_id)
        if number is not None:
            self._events[number] = max(self._events[number], state)

    def saw_record(self, request_id: UUID, place: Place) -> bool:
        """A record of the request is there; the last one that is seen counts. Whether it is one of these."""
        number = self._find(request_id)
        if number is None:
            return False
        self._partitions[number], self._offsets[number] = place
        return True

    def __iter__(self) -> Iterator[tuple[UUID, EventState, Place | None]]:
        for number in range(len(self)):
            partition, offset = self._partitions[number], self._offsets[number]
            place = None if partition < 0 else (partition, offset)
            yield UUID(bytes=self._id(number)), EventState(self._events[number]), place

    def _find(self, request_id: UUID) -> int | None:
        number = bisect_left(range(len(self)), request_id.bytes, key=self._id)
        return number if number < len(self) and self._id(number) == request_id.bytes else None

    def _id(self, number: int) -> bytes:
        return bytes(self._ids[number * _ID_BYTES : (number + 1) * _ID_BYTES])


def why_undecided(
    event: EventState,
    place: Place | None,
    next_offsets: Mapping[int, int],
    letter_of: Callable[[Place], DeadLetterState | None],
) -> DifferenceKind | Waiting:
    """What keeps a request from its decision.

    ``next_offsets`` are, by partition, up to where the worker has applied the topic; ``letter_of`` says in
    which state the dead letter of a record is.
    """
    if event is EventState.UNPUBLISHED:
        return Waiting.FOR_RELAY
    if event is EventState.PARKED:
        return DifferenceKind.EVENT_PARKED
    if place is not None:
        partition, offset = place
        if offset >= next_offsets.get(partition, 0):
            return Waiting.FOR_WORKER
        return _WHY_BY_DEAD_LETTER[letter_of(place)]
    return _WHY_WITHOUT_RECORD[event]


_WHY_BY_DEAD_LETTER: Mapping[DeadLetterState | None, DifferenceKind] = {
    None: DifferenceKind.APPLIED_WITHOUT_DECISION,
    "REPLAYED": DifferenceKind.APPLIED_WITHOUT_DECISION,
    "OPEN": DifferenceKind.EVENT_SET_ASIDE,
    "DISCARDED": DifferenceKind.EVENT_GIVEN_UP,
}
_WHY_WITHOUT_RECORD: Mapping[EventState, DifferenceKind] = {
    EventState.NONE: DifferenceKind.EVENT_MISSING,
    EventState.DISCARDED: DifferenceKind.EVENT_GIVEN_UP,
    EventState.PUBLISHED: DifferenceKind.EVENT_LOST,
}


@dataclass(frozen=True, slots=True)
class CouponCount:
    """A coupon's counters and the highest numbers in use, all of one moment."""

    coupon_id: int
    total_quantity: int
    issued_quantity: int
    decided_count: int
    highest_issue_number: int
    highest_decision_number: int


def counter_differences(count: CouponCount) -> list[tuple[DifferenceKind, str]]:
    """With what is reported of each. A counter of decisions that is too high shows as missing numbers."""
    found = []
    if count.issued_quantity != count.highest_issue_number:
        said = f"{count.coupon_id} (counts {count.issued_quantity}, highest {count.highest_issue_number})"
        found.append((DifferenceKind.ISSUED_QUANTITY_WRONG, said))
    if count.decided_count < count.highest_decision_number:
        said = f"{count.coupon_id} (counts {count.decided_count}, highest {count.highest_decision_number})"
        found.append((DifferenceKind.DECIDED_COUNT_WRONG, said))
    if count.highest_issue_number > count.total_quantity:
        said = f"{count.coupon_id} (issued {count.highest_issue_number} of {count.total_quantity})"
        found.append((DifferenceKind.OVERSOLD, said))
    return found


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Of a coupon, the numbers after ``after`` up to ``until``."""

    coupon_id: int
    after: int
    until: int


def ranges_of(highest: Sequence[tuple[int, int]], numbers: int) -> Iterator[list[NumberRange]]:
    """All numbers from 1 to the highest of each coupon, in groups of ``numbers`` at most."""
    group: list[NumberRange] = []
    room = numbers
    for coupon_id, last in highest:
        after = 0
        while after < last:
            until = min(last, after + room)
            group.append(NumberRange(coupon_id, after, until))
            room -= until - after
            after = until
            if not room:
                yield group
                group, room = [], numbers
    if group:
        yield group
