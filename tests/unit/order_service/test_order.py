from datetime import timedelta

import pytest

from order_service.domain.errors import AmountMismatch, OrderAlreadyCompleted, OrderTotalTooLarge
from order_service.domain.order import MAX_AMOUNT, OrderItem, OrderStatus
from tests.support.order_builders import NOON, an_order


def test_the_total_is_the_sum_of_the_lines() -> None:
    assert an_order(OrderItem("P-1", 2, 15_000), OrderItem("P-2", 3, 1)).total_amount == 30_003


def test_a_total_of_the_largest_amount_is_accepted_and_one_more_is_not() -> None:
    assert an_order(OrderItem("P-1", 1, MAX_AMOUNT)).total_amount == MAX_AMOUNT
    with pytest.raises(OrderTotalTooLarge):
        an_order(OrderItem("P-1", 1, MAX_AMOUNT), OrderItem("P-2", 1, 1))


@pytest.mark.parametrize("amount", [29_999, 30_001, 0])
def test_only_the_total_can_be_paid(amount: int) -> None:
    order = an_order(OrderItem("P-1", 2, 15_000))
    order.check_payable(30_000)
    with pytest.raises(AmountMismatch, match="30000"):
        order.check_payable(amount)


def test_a_completed_order_can_neither_be_paid_nor_completed_again() -> None:
    order = an_order().completed(NOON)
    with pytest.raises(OrderAlreadyCompleted):
        order.check_payable(order.total_amount)
    with pytest.raises(OrderAlreadyCompleted):
        order.completed(NOON + timedelta(seconds=1))


def test_as_placed_forgets_the_completion_only() -> None:
    order = an_order()
    completed = order.completed(NOON)
    assert (completed.status, completed.completed_at) == (OrderStatus.COMPLETED, NOON)
    assert completed.as_placed() == order
