"""Whatever a worker is given at once, the database ends as if each event had been decided alone, in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from coupon_service.domain.coupon import Coupon
from coupon_service.domain.coupon_change import CouponChangeKind, CouponCommand
from coupon_service.domain.coupon_request import CouponRequest, Decision, RequestStatus
from coupon_service.domain.deciding import CouponStock, decide, reject_unknown
from coupon_service.domain.errors import CouponTransitionRefused
from coupon_service.domain.period import Pause
from coupon_service.messaging.incoming_coupon_publish_requested import (
    CONSUMER_GROUP,
    CouponPublishRequested,
)
from coupon_service.messaging.outgoing_coupon_publish_requested import coupon_publish_requested
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.identifiers import uuid7
from tests.integration.coupon_service.service import a_handler
from tests.support.coupon_builders import DURING, ENDS_AT, STARTS_AT, a_coupon

INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
CHANGED_AT = DURING + HOUR
UNKNOWN = 2
"""The place of a coupon that does not exist, behind those of the two that do."""

STORE = """
    INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)
    VALUES (:request_id, :coupon_id, :user_id, 'ACCEPTED', :requested_at)
"""
DECIDED = """
    SELECT coalesce(reason, status) AS outcome, decision_number, issue_number
      FROM coupon_request WHERE request_id = ANY(CAST(:ids AS uuid[])) ORDER BY request_id
"""
HELD = """
    SELECT request_id, user_id, issue_number, copy_number
      FROM user_coupon WHERE coupon_id = :coupon_id ORDER BY issue_number
"""

Apply = Callable[[Coupon], Coupon]

CHANGES: dict[CouponChangeKind, Apply] = {
    CouponChangeKind.STOCK_ADDED: lambda coupon: coupon.with_stock_added(2, CHANGED_AT),
    CouponChangeKind.PAUSED: lambda coupon: coupon.paused(CHANGED_AT),
    CouponChangeKind.RESUMED: lambda coupon: coupon.resumed(CHANGED_AT + HOUR),
    CouponChangeKind.ENDED: lambda coupon: coupon.ended(CHANGED_AT + 2 * HOUR),
}


@dataclass(frozen=True)
class Press:
    """A new request."""

    coupon: int
    user_id: int
    at: datetime


@dataclass(frozen=True)
class Again:
    """An earlier event is delivered once more, or there is another event about its request."""

    which: int
    with_new_id: bool


@dataclass(frozen=True)
class Change:
    """What an operator does between two polls."""

    coupon: int
    kind: CouponChangeKind


moments = st.sampled_from(
    [STARTS_AT - INSTANT, STARTS_AT, DURING, DURING, DURING, ENDS_AT - INSTANT, ENDS_AT]
    + [CHANGED_AT + hours * HOUR - before for hours in range(3) for before in (INSTANT, 0 * INSTANT)]
)
presses = st.builds(Press, st.sampled_from([0, 0, 0, 1, 1, UNKNOWN]), st.integers(1, 3), moments)
polls = st.lists(
    presses | presses | st.builds(Again, st.integers(0, 30), st.booleans()), min_size=3, max_size=12
)
# In any order, and often in the one that is allowed.
histories = st.sampled_from(
    [
        [CouponChangeKind.PAUSED, CouponChangeKind.RESUMED, CouponChangeKind.STOCK_ADDED],
        [CouponChangeKind.STOCK_ADDED, CouponChangeKind.STOCK_ADDED, CouponChangeKind.PAUSED],
        [CouponChangeKind.PAUSED, CouponChangeKind.RESUMED, CouponChangeKind.ENDED],
    ]
)
limits = st.tuples(st.integers(1, 3), st.integers(1, 8))


@dataclass
class PlainModel:
    """One coupon in memory: the domain's decision of one request, on what the one before left behind."""

    stock: CouponStock
    copies: dict[int, int] = field(default_factory=dict)

    def decide(self, request: CouponRequest) -> Decision:
        [decision] = decide(self.stock, self.copies, [request])
        issued = decision.status is RequestStatus.ISSUED
        self.copies[request.user_id] = self.copies.get(request.user_id, 0) + issued
        self.stock = replace(
            self.stock,
            decided_count=self.stock.decided_count + 1,
            issued_quantity=self.stock.issued_quantity + issued,
        )
        return decision

    def follow(self, coupon: Coupon, before: Coupon) -> None:
        pauses = [pause for pause in self.stock.pauses if pause.resumed_at is not None]
        if before.paused_at is not None and coupon.paused_at is None:
            pauses.append(Pause(before.paused_at, coupon.resumed_at))
        if coupon.paused_at is not None:
            pauses.append(Pause(coupon.paused_at))
        self.stock = replace(
            self.stock, total_quantity=coupon.terms.total_quantity, pauses=pauses, ended_at=coupon.ended_at
        )


class Shop:
    """The service's database, and beside it the model of what it should hold."""

    def __init__(self, engine: Engine, limits_and_stocks: Sequence[tuple[int, int]]) -> None:
        self._engine = engine
        self._unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
        self._handler = a_handler(engine)
        self.models: dict[int, PlainModel] = {}
        self._events: list[CouponPublishRequested] = []
        self._requests: dict[UUID, CouponRequest] = {}
        self.decisions: dict[UUID, Decision] = {}
        with self._unit_of_work() as work:
            for limit, total in limits_and_stocks:
                terms = a_coupon(limit_per_user=limit, total_quantity=total).terms
                coupon = work.coupons.add(terms)
                stock = CouponStock(coupon.coupon_id, terms.period, total, 0, 0, limit_per_user=limit)
                self.models[coupon.coupon_id] = PlainModel(stock)
            work.commit()
        self._coupon_ids = [*self.models, 2**62]

    def poll(self, poll: Sequence[Press | Again]) -> None:
        """The worker decides all of it at once; the model one event after the other."""
        new: list[dict[str, Any]] = []
        arrived: list[CouponPublishRequested] = []
        for item in poll:
            if isinstance(item, Press):
                request = CouponRequest(uuid7(), self._coupon_ids[item.coupon], item.user_id, item.at)
                self._requests[request.request_id] = request
                event = CouponPublishRequested.model_validate(coupon_publish_requested(request).payload)
                new.append({name: getattr(request, name) for name in CouponRequest.__slots__})
            elif self._events:
                event = self._events[item.which % len(self._events)]
                if item.with_new_id:
                    event = event.model_copy(update={"event_id": uuid7()})
            else:
                continue
            self._events.append(event)
            arrived.append(event)
            if event.request_id not in self.decisions:
                self.decisions[event.request_id] = self._decide(self._requests[event.request_id])
        if new:
            with self._engine.begin() as connection:
                connection.execute(text(STORE), new)
        assert self._handler.handle(arrived) == {}

    def change(self, change: Change) -> None:
        coupon_id = self._coupon_ids[change.coupon]
        with self._unit_of_work() as work:
            before = work.coupons.lock(coupon_id)
            assert before is not None
            try:
                after = CHANGES[change.kind](before)
            except CouponTransitionRefused:
                return
            added = 2 if change.kind is CouponChangeKind.STOCK_ADDED else None
            command = CouponCommand(change.kind, "operator", "test", added)
            work.coupons.change(before, after, command, CHANGED_AT)
            work.commit()
        self.models[coupon_id].follow(after, before)

    def decided(self) -> list[tuple[str, int | None, int | None]]:
        return [
            (row.outcome, row.decision_number, row.issue_number)
            for row in self._read(DECIDED, ids=[str(request_id) for request_id in sorted(self.decisions)])
        ]

    def held(self, coupon_id: int) -> list[tuple[UUID, int, int, int]]:
        return [tuple(row) for row in self._read(HELD, coupon_id=coupon_id)]

    def counted(self, coupon_id: int) -> tuple[int, int]:
        statement = "SELECT issued_quantity, decided_count FROM coupon WHERE coupon_id = :coupon_id"
        [row] = self._read(statement, coupon_id=coupon_id)
        return row.issued_quantity, row.decided_count

    def _decide(self, request: CouponRequest) -> Decision:
        model = self.models.get(request.coupon_id)
        return reject_unknown([request])[0] if model is None else model.decide(request)

    def _read(self, statement: str, **values: object) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(text(statement), values).all()


# The examples share the database, and none of its coupons.
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(limits, limits), st.lists(polls, min_size=4, max_size=4), histories, histories)
def test_any_polls_leave_what_deciding_one_at_a_time_leaves(
    engine: Engine,
    limits_and_stocks: tuple[tuple[int, int], tuple[int, int]],
    polls: list[list[Press | Again]],
    of_first: list[CouponChangeKind],
    of_second: list[CouponChangeKind],
) -> None:
    shop = Shop(engine, limits_and_stocks)
    for poll, *kinds in zip_longest(polls, of_first, of_second):
        shop.poll(poll)
        for coupon, kind in enumerate(kinds):
            if kind is not None:
                shop.change(Change(coupon, kind))

    decisions = [shop.decisions[request_id] for request_id in sorted(shop.decisions)]
    assert shop.decided() == [
        ((decision.reason or decision.status).value, decision.decision_number, decision.issue_number)
        for decision in decisions
    ]
    for coupon_id, model in shop.models.items():
        issued = [
            (
                decision.request.request_id,
                decision.request.user_id,
                decision.issue_number,
                decision.copy_number,
            )
            for decision in decisions
            if decision.request.coupon_id == coupon_id and decision.status is RequestStatus.ISSUED
        ]
        assert shop.held(coupon_id) == sorted(issued, key=lambda coupon: coupon[2] or 0)
        assert shop.counted(coupon_id) == (model.stock.issued_quantity, model.stock.decided_count)
