"""The life of a user's coupon, as pure functions against a plain model."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coupon_service.domain.discount import Discount, DiscountType
from coupon_service.domain.errors import (
    CouponError,
    OrderAmountTooSmall,
    ReservationDiffers,
    UserCouponNotFound,
    UserCouponTransitionRefused,
)
from coupon_service.domain.user_coupon import (
    UserCoupon,
    UserCouponChange,
    UserCouponChangeKind,
    UserCouponState,
    UserCouponStatus,
)
from coupon_service.domain.user_coupon_command import (
    Confirm,
    GiveBack,
    Release,
    Reserve,
    Restore,
    Revoke,
    Use,
    UserCouponCommand,
    order_of,
)
from coupon_service.domain.using import Outcome, judge
from tests.support.coupon_builders import STARTS_AT

ORDERS = [UUID(int=number) for number in (1, 2)]
FIRST, SECOND = ORDERS
MINUTE = timedelta(minutes=1)
NOW = STARTS_AT
EXPIRES_AT = NOW + 30 * MINUTE
HOLD = 5 * MINUTE


def a_user_coupon(expires_at: datetime | None = EXPIRES_AT) -> UserCoupon:
    return UserCoupon(
        user_coupon_id=1,
        coupon_id=1,
        user_id=7,
        name="New year",
        discount=Discount(DiscountType.RATE, 10, 3_000),
        minimum_order_amount=1_000,
        request_id=UUID(int=9),
        issue_number=1,
        issued_at=NOW,
        state=UserCouponState(UserCouponStatus.ISSUED, expires_at),
    )


def reserving(order_id: UUID, amount: int = 20_000, user_id: int = 7) -> Reserve:
    return Reserve(order_id, user_id, amount, HOLD)


def paying(order_id: UUID, amount: int = 20_000, user_id: int = 7) -> Use:
    return Use(order_id, user_id, amount)


@dataclass
class PlainModel:
    """Says the same as the state machine, by hand, as one command after the other has it."""

    expires_at: datetime
    status: str = "ISSUED"
    order_id: UUID | None = None
    until: datetime = NOW
    history: list[tuple[str, datetime]] = field(default_factory=list)
    acted_once: set[UUID] = field(default_factory=set)
    released: set[UUID] = field(default_factory=set)

    def pass_time(self, now: datetime) -> None:
        if self.status == "RESERVED" and now >= self.until:
            self._become("ISSUED", "LAPSED", self.until, None)
        if self.status == "ISSUED" and now >= self.expires_at:
            self._become("EXPIRED", "EXPIRED", self.expires_at, None)

    def execute(self, command: UserCouponCommand, now: datetime) -> str | None:  # noqa: C901 - a table
        """The status that refuses the command, or None."""
        self.pass_time(now)
        order_id = order_of(command)
        mine = order_id is not None and order_id == self.order_id
        match command:
            case Reserve(order_id=order_id):
                if mine:
                    return None
                if self.status != "ISSUED" or order_id in self.released:
                    return self.status
                self.until = now + command.hold
                self._become("RESERVED", "RESERVED", now, order_id)
            case Confirm(order_id):
                if not mine:
                    return self.status
                if self.status == "RESERVED":
                    self._become("USED", "USED", now, order_id)
            case Release(order_id):
                if self.status == "RESERVED" and mine:
                    self.released.add(order_id)
                    self._become("ISSUED", "RELEASED", now, None)
                elif mine or order_id not in self.acted_once:
                    return self.status
            case GiveBack():
                if self.status == "ISSUED":
                    self._become("GIVEN_BACK", "GIVEN_BACK", now, None)
                return None if self.status == "GIVEN_BACK" else self.status
            case Revoke():
                if self.status in ("ISSUED", "RESERVED"):
                    self._become("REVOKED", "REVOKED", now, None)
                return None if self.status == "REVOKED" else self.status
            case Use(order_id=order_id):
                if not mine and self.status not in ("ISSUED", "EXPIRED"):
                    return self.status
                if self.status != "USED":
                    self._become("USED", "USED", now, order_id)
            case Restore(order_id):
                if mine:
                    self.released.add(order_id)
                    self._become("ISSUED", "RELEASED", now, None)
        return None

    def _become(self, status: str, kind: str, at: datetime, order_id: UUID | None) -> None:
        self.status, self.order_id = status, order_id
        if order_id is not None:
            self.acted_once.add(order_id)
        self.history.append((kind, at))


class Stored:
    """What the database does: a change is stored if the state is the judged one, and it is not too late."""

    def __init__(self) -> None:
        self.held = a_user_coupon()
        self.history: list[UserCouponChange] = []

    def last_of(self, order_id: UUID | None) -> UserCouponChangeKind | None:
        kinds = [change.kind for change in self.history if order_id and change.order_id == order_id]
        return kinds[-1] if kinds else None

    def store(self, judged: UserCoupon, outcome: Outcome, now: datetime) -> bool:
        too_late = outcome.valid_until is not None and now >= outcome.valid_until
        if judged.state.change_count != self.held.state.change_count or too_late:
            return False
        self.held = replace(self.held, state=outcome.state)
        self.history += outcome.changes
        return True

    def sweep(self, now: datetime) -> None:
        state, due = self.held.state.at(now)
        self.held = replace(self.held, state=state)
        self.history += due


class Client:
    """Executes one command after the other, each in two steps between which anything may happen."""

    def __init__(self, stored: Stored, model: PlainModel, commands: Sequence[UserCouponCommand]) -> None:
        self._stored, self._model = stored, model
        self._waiting = list(commands)
        self._judged: tuple[UserCoupon, Outcome, datetime] | None = None

    def step(self, now: datetime) -> None:
        if self._judged is not None:
            held, outcome, then = self._judged
            self._judged = None
            if self._stored.store(held, outcome, now):
                assert self._model.execute(self._waiting.pop(0), then) is None
            return
        if not self._waiting:
            return
        command, held = self._waiting[0], self._stored.held
        try:
            outcome = judge(held, command, self._stored.last_of(order_of(command)), now)
        except UserCouponTransitionRefused as refusal:
            refused_by: str | None = refusal.current_status
            outcome = Outcome(held.state, [])
        else:
            refused_by = None
        if outcome.changes:
            self._judged = held, outcome, now
        else:
            assert self._model.execute(self._waiting.pop(0), now) == refused_by


of_orders = st.one_of(
    *(
        st.builds(command, st.sampled_from(ORDERS))
        for command in (reserving, Confirm, Release, paying, Restore)
    )
)
others = st.sampled_from([GiveBack(7), Revoke("kim", "fraud")])
# Orders' commands far more often: the others end the story.
stories = st.lists(st.one_of(of_orders, of_orders, of_orders, others), min_size=5, max_size=15)
# Which client goes on, or that the worker sweeps, and how much later.
steps = st.tuples(
    st.sampled_from([0, 0, 1, 1, 2]), st.sampled_from([0 * MINUTE, 0 * MINUTE, 0 * MINUTE, MINUTE, HOLD])
)
schedules = st.lists(steps, min_size=20, max_size=50)


@settings(max_examples=200)
@given(stories, stories, schedules)
def test_any_interleaving_of_two_clients_is_what_the_plain_model_says(
    first: list[UserCouponCommand], second: list[UserCouponCommand], schedule: list[tuple[int, timedelta]]
) -> None:
    stored, model, now = Stored(), PlainModel(EXPIRES_AT), NOW
    clients = [Client(stored, model, first), Client(stored, model, second)]
    for who, later in schedule:
        now += later
        if who == 2:
            stored.sweep(now)
        else:
            clients[who].step(now)

        state, due = stored.held.state.at(now)
        model.pass_time(now)
        assert (state.status, state.reservation and state.reservation.order_id) == (
            model.status,
            model.order_id,
        )
        assert [(change.kind, change.changed_at) for change in stored.history + due] == model.history
        assert state.change_count == len(model.history)


@settings(max_examples=150)
# Reserved while valid, and released when it isn't any more.
@example([reserving(FIRST), Release(FIRST)], [EXPIRES_AT - NOW - MINUTE, MINUTE])
@given(stories, st.lists(st.sampled_from([0 * MINUTE, 0 * MINUTE, MINUTE, HOLD]), min_size=15, max_size=15))
def test_a_command_that_comes_again_at_once_changes_nothing(
    story: list[UserCouponCommand], pauses: list[timedelta]
) -> None:
    stored, now = Stored(), NOW
    for command, pause in zip(story, pauses, strict=False):
        now += pause
        seen = set()
        for _ in range(3):
            try:
                outcome = judge(stored.held, command, stored.last_of(order_of(command)), now)
            except CouponError as refusal:
                seen.add((repr(refusal), len(stored.history)))
            else:
                if outcome.changes:
                    assert stored.store(stored.held, outcome, now)
                # As the client sees it: what comes back after its validity has ended is expired at once.
                seen.add((repr(outcome.state.at(now)[0]), len(stored.history)))
        assert len(seen) == 1


@pytest.mark.parametrize(
    ("order_amount", "discount_amount"),
    [(1_000, 100), (1_009, 100), (29_999, 2_999), (30_000, 3_000), (10**15, 3_000)],
)
def test_a_reservation_says_what_the_order_gets_off(order_amount: int, discount_amount: int) -> None:
    outcome = judge(a_user_coupon(), reserving(FIRST, order_amount), None, NOW)

    reservation = outcome.state.reservation
    assert reservation is not None
    assert (reservation.discount_amount, reservation.reserved_until) == (discount_amount, NOW + HOLD)


def test_an_order_below_the_minimum_cannot_reserve() -> None:
    with pytest.raises(OrderAmountTooSmall, match="at least 1000"):
        judge(a_user_coupon(), reserving(FIRST, 999), None, NOW)


def test_another_users_coupon_is_not_found() -> None:
    for command in (reserving(FIRST, user_id=8), GiveBack(8), paying(FIRST, user_id=8)):
        with pytest.raises(UserCouponNotFound):
            judge(a_user_coupon(), command, None, NOW)


def test_an_order_that_reserves_again_with_another_amount_is_refused() -> None:
    outcome = judge(a_user_coupon(), reserving(FIRST), None, NOW)
    reserved = replace(a_user_coupon(), state=outcome.state)

    with pytest.raises(ReservationDiffers):
        judge(reserved, reserving(FIRST, 20_001), UserCouponChangeKind.RESERVED, NOW)


def test_a_reservation_ends_at_its_time_and_not_before() -> None:
    outcome = judge(a_user_coupon(), reserving(FIRST), None, NOW)
    reserved = replace(a_user_coupon(), state=outcome.state)
    instant, last = timedelta(microseconds=1), UserCouponChangeKind.RESERVED

    assert judge(reserved, Confirm(FIRST), last, NOW + HOLD - instant).state.status is UserCouponStatus.USED
    with pytest.raises(UserCouponTransitionRefused) as refusal:
        judge(reserved, Confirm(FIRST), last, NOW + HOLD)
    assert refusal.value.current_status == "ISSUED"


def test_a_reservation_made_in_time_outlives_the_coupons_validity() -> None:
    soon = a_user_coupon(expires_at=NOW + MINUTE)
    reserved = replace(soon, state=judge(soon, reserving(FIRST), None, NOW).state)

    used = judge(reserved, Confirm(FIRST), UserCouponChangeKind.RESERVED, NOW + 2 * MINUTE)

    assert used.state.status is UserCouponStatus.USED
    assert [change.kind for change in reserved.state.at(NOW + HOLD)[1]] == ["LAPSED", "EXPIRED"]


def test_a_coupon_without_a_validity_never_expires() -> None:
    state, changes = a_user_coupon(expires_at=None).state.at(NOW + timedelta(days=36_500))

    assert (state.status, changes) == (UserCouponStatus.ISSUED, [])


@pytest.mark.parametrize("later", [timedelta(0), HOLD, EXPIRES_AT - NOW])
def test_a_paid_order_uses_what_time_alone_took_from_it(later: timedelta) -> None:
    reserved = replace(a_user_coupon(), state=judge(a_user_coupon(), reserving(FIRST), None, NOW).state)

    used = judge(reserved, paying(FIRST), UserCouponChangeKind.RESERVED, NOW + later)

    assert used.state.status is UserCouponStatus.USED
    assert used.state.reservation is not None
    assert (used.state.reservation.order_id, used.state.reservation.discount_amount) == (FIRST, 2_000)
    assert used.changes[-1].kind is UserCouponChangeKind.USED
    assert used.state.change_count == 1 + len(used.changes)


def test_a_paid_order_does_not_use_what_another_has() -> None:
    reserved = replace(a_user_coupon(), state=judge(a_user_coupon(), reserving(FIRST), None, NOW).state)
    used = replace(reserved, state=judge(reserved, Confirm(FIRST), None, NOW).state)

    for held in (reserved, used):
        with pytest.raises(UserCouponTransitionRefused) as refusal:
            judge(held, paying(SECOND), None, NOW)
        assert refusal.value.current_status == held.state.status


@pytest.mark.parametrize(("later", "status"), [(MINUTE, "ISSUED"), (EXPIRES_AT - NOW, "EXPIRED")])
def test_a_cancelled_order_gives_back_what_it_used(later: timedelta, status: str) -> None:
    used = replace(a_user_coupon(), state=judge(a_user_coupon(), paying(FIRST), None, NOW).state)

    assert judge(used, Restore(SECOND), None, NOW + later).changes == []
    restored = judge(used, Restore(FIRST), UserCouponChangeKind.USED, NOW + later)

    assert restored.state.at(NOW + later)[0].status == status
    again = replace(used, state=restored.state)
    assert judge(again, Restore(FIRST), UserCouponChangeKind.RELEASED, NOW + later).changes == []
    # What comes late is not a new wish: the order does not hold it again.
    with pytest.raises(UserCouponTransitionRefused):
        judge(again, reserving(FIRST), UserCouponChangeKind.RELEASED, NOW + later)
