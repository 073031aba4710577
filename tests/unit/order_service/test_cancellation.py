"""What a cancellation takes of an order, and returns of its payment."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_service.domain.cancellation import (
    MOST_CANCELLATIONS,
    Cancellation,
    CancellationStatus,
    CancelledLine,
    CancelledOrder,
)
from order_service.domain.errors import (
    CancellationInProgress,
    LineRepeated,
    OrderAlreadyCancelled,
    OrderError,
    OrderExpired,
    OrderNotCompleted,
    PaymentTakenBack,
    TooManyCancellations,
    TooManyPieces,
    UnknownLine,
)
from order_service.domain.order import Order, OrderItem, OrderStatus
from servicekit.identifiers import uuid7
from tests.support.order_builders import NOON, an_order

PAYMENT = uuid7()


def paid(*items: OrderItem, discount: int = 0) -> Order:
    order = an_order(*items).completed(NOON)
    return replace(order, total_amount=order.gross_amount - discount)


def begun(before: CancelledOrder, *lines: tuple[int, int]) -> Cancellation:
    asked = [CancelledLine(*line) for line in lines] or None
    return before.cancel(uuid7(), PAYMENT, asked, "단순 변심", NOON)


def after(before: CancelledOrder, *lines: tuple[int, int]) -> CancelledOrder:
    return replace(before, cancellations=(*before.cancellations, begun(before, *lines).ended(NOON)))


def test_pieces_return_their_price() -> None:
    before = CancelledOrder(paid(OrderItem("P-1", 2, 15_000), OrderItem("P-2", 1, 3_500)))
    one = after(before, (2, 1), (1, 1))
    assert [each.amount for each in one.cancellations] == [18_500]
    assert (one.left, one.left_amount, one.is_whole) == ({1: 1, 2: 0}, 15_000, False)
    assert [line.line_number for line in one.cancellations[0].lines] == [1, 2]
    rest = after(one)
    assert (rest.cancellations[1].lines, rest.left_amount, rest.is_whole) == ((CancelledLine(1, 1),), 0, True)


def test_a_discount_is_shared_by_the_pieces() -> None:
    before = CancelledOrder(paid(OrderItem("P-1", 3, 1_000), discount=1_000))
    found = after(after(after(before, (1, 1)), (1, 1)), (1, 1))
    assert [each.amount for each in found.cancellations] == [666, 667, 667]


def test_an_order_that_costs_nothing_returns_nothing() -> None:
    for order in (paid(OrderItem("P-1", 1, 0)), paid(OrderItem("P-1", 1, 500), discount=500)):
        cancellation = begun(CancelledOrder(order))
        assert (cancellation.amount, cancellation.refund_id) == (0, None)


_items = st.lists(
    st.builds(
        OrderItem,
        product_id=st.just("P-1"),
        quantity=st.integers(1, 6),
        unit_price=st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=4,
)


@given(items=_items, data=st.data())
def test_cancelling_everything_in_any_parts_returns_everything(
    items: list[OrderItem], data: st.DataObject
) -> None:
    gross = sum(item.amount for item in items)
    found = CancelledOrder(paid(*items, discount=data.draw(st.integers(0, gross))))
    while not found.is_whole:
        left = {number: quantity for number, quantity in found.left.items() if quantity}
        numbers = data.draw(st.sets(st.sampled_from(sorted(left)), min_size=1))
        found = after(found, *((number, data.draw(st.integers(1, left[number]))) for number in numbers))
        assert found.left_amount >= 0
        assert found.cancellations[-1].amount >= 0
    assert sum(each.amount for each in found.cancellations) == found.order.total_amount


@pytest.mark.parametrize(
    ("lines", "error", "field"),
    [
        ([(2, 1)], UnknownLine, "items.0.lineNumber"),
        ([(1, 1), (1, 1)], LineRepeated, "items.1.lineNumber"),
        ([(1, 2)], TooManyPieces, "items.0.quantity"),
    ],
    ids=["no such line", "a line twice", "more than is left"],
)
def test_what_is_not_there_is_named(
    lines: list[tuple[int, int]], error: type[OrderError], field: str
) -> None:
    before = after(CancelledOrder(paid(OrderItem("P-1", 2, 100))), (1, 1))
    with pytest.raises(error) as refusal:
        begun(before, *lines)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (OrderStatus.PENDING_PAYMENT, OrderNotCompleted),
        (OrderStatus.EXPIRED, OrderExpired),
        (OrderStatus.CANCELLED, OrderAlreadyCancelled),
    ],
)
def test_only_a_completed_order_is_cancelled(status: OrderStatus, error: type[OrderError]) -> None:
    with pytest.raises(error):
        begun(CancelledOrder(replace(paid(), status=status)))


def test_one_cancellation_at_a_time() -> None:
    before = CancelledOrder(paid())
    for status in (CancellationStatus.REFUNDING, CancellationStatus.REFUSED):
        under_way = replace(begun(before, (1, 1)), status=status)
        with pytest.raises(CancellationInProgress):
            begun(replace(before, cancellations=(under_way,)))


def test_the_last_cancellation_takes_all_that_is_left() -> None:
    found = CancelledOrder(paid(OrderItem("P-1", 200, 1)))
    for _ in range(MOST_CANCELLATIONS - 1):
        found = after(found, (1, 1))
    with pytest.raises(TooManyCancellations):
        begun(found, (1, 1))
    assert after(found).is_whole


def test_only_all_that_is_left_is_cancelled_of_what_was_taken_back() -> None:
    found = replace(after(CancelledOrder(paid(OrderItem("P-1", 3, 100))), (1, 1)), is_taken_back=True)
    with pytest.raises(PaymentTakenBack):
        begun(found, (1, 1))
    assert begun(found, (1, 2)).lines == begun(found).lines == (CancelledLine(1, 2),)
