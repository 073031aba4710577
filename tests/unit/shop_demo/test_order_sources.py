from datetime import datetime
from pathlib import Path

import pytest

from shop_demo.errors import BadInput
from shop_demo.order_sources import read_orders
from shop_demo.order_sources.completejourney import TransactionLine, baskets_to_orders
from shop_demo.orders import OrderItem, fault_of

pytestmark = pytest.mark.unit

NEW_YEAR = datetime(2017, 1, 1, 11, 53, 26)  # noqa: DTZ001 - as the data has it


def silent(_: str) -> None:
    """Nobody listens."""


def a_line(*, basket_id: int = 1, quantity: int = 1, sales_value: float = 1.0) -> TransactionLine:
    return TransactionLine(900, basket_id, 1095275, quantity, sales_value, NEW_YEAR)


def test_the_same_seed_makes_the_same_orders() -> None:
    first = read_orders("generator", seed=3, limit=50, say=silent)
    assert first == read_orders("generator", seed=3, limit=50, say=silent)
    assert first.orders != read_orders("generator", seed=4, limit=50, say=silent).orders
    assert len({order.source_id for order in first.orders}) == 50
    assert {order.currency for order in first.orders} == {"KRW", "USD"}
    assert [fault_of(order) for order in first.orders] == [None] * 50


@pytest.mark.parametrize(
    ("quantity", "sales_value", "item"),
    [
        (1, 0.29, OrderItem("1095275", 1, 29)),
        (4, 5.0, OrderItem("1095275", 4, 125)),
        (3, 1.0, OrderItem("1095275", 1, 100)),  # three for a dollar
        (0, 2.57, OrderItem("1095275", 1, 257)),  # by weight
        (7841, 17.25, OrderItem("1095275", 1, 1725)),  # by volume
    ],
)
def test_a_basket_keeps_its_money_to_the_cent(quantity: int, sales_value: float, item: OrderItem) -> None:
    batch = baskets_to_orders([a_line(quantity=quantity, sales_value=sales_value)], limit=1, seed=1)
    assert batch.orders[0].items == (item,)
    assert batch.orders[0].currency == "USD"


def test_what_sold_nothing_is_left_out_and_counted() -> None:
    lines = [
        a_line(basket_id=1, quantity=0, sales_value=0.0),
        a_line(basket_id=1, quantity=1, sales_value=0.0),
        a_line(basket_id=2, quantity=0, sales_value=0.0),
        a_line(basket_id=2, quantity=1, sales_value=0.0),
        a_line(basket_id=2, quantity=2, sales_value=0.5),
        a_line(basket_id=3, quantity=3, sales_value=0.5),
        a_line(basket_id=4),
    ]
    batch = baskets_to_orders(lines, limit=2, seed=1)
    assert [order.source_id for order in batch.orders] == ["CJ-2", "CJ-3"]
    assert batch.orders[0].items == (OrderItem("1095275", 1, 0), OrderItem("1095275", 2, 25))
    assert batch.notes == (
        "baskets that come to nothing, left out: 1",
        "lines of nothing, left out: 2",
        "lines taken as one item at the line's whole price: 1",
    )


def test_a_number_for_a_source_gets_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="say LIMIT=500"):
        read_orders("500", seed=1, limit=None, say=silent)


def test_an_unknown_source_is_named() -> None:
    with pytest.raises(BadInput, match="ORDERS=instacart is neither"):
        read_orders("instacart", seed=1, limit=None, say=silent)
