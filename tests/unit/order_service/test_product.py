from datetime import UTC, datetime

import pytest

from order_service.domain.errors import (
    OrderError,
    PriceMismatch,
    ProductCurrencyMismatch,
    ProductNotInCatalogue,
    UnitPriceMissing,
)
from order_service.domain.money import Money
from order_service.domain.order import OrderItem
from order_service.domain.product import Product, RequestedItem, priced
from tests.support.order_builders import an_order

SHIRT = Product("C-1", "순면 티셔츠", Money(12_000, "KRW"), 10, datetime(2026, 11, 30, tzinfo=UTC))
CATALOGUE = {"C-1": SHIRT}


@pytest.mark.parametrize("sent", [None, 12_000])
def test_a_product_of_the_catalogue_has_its_price_and_name(sent: int | None) -> None:
    items = priced([RequestedItem("C-1", 2, sent)], "KRW", CATALOGUE, requires_catalogue=True)
    assert items == (OrderItem("C-1", 2, 12_000, "순면 티셔츠"),)


@pytest.mark.parametrize("price", [0, 5])
def test_another_product_has_the_clients_price_and_no_name(price: int) -> None:
    items = priced([RequestedItem("P-1", 2, price)], "KRW", CATALOGUE, requires_catalogue=False)
    assert items == (OrderItem("P-1", 2, price, None),)


@pytest.mark.parametrize(
    ("item", "currency", "requires_catalogue", "error", "field"),
    [
        (RequestedItem("C-1", 1, 0), "KRW", False, PriceMismatch, "items.1.unitPrice"),
        (RequestedItem("C-1", 1), "USD", False, ProductCurrencyMismatch, "items.1.productId"),
        (RequestedItem("P-2", 1), "KRW", False, UnitPriceMissing, "items.1.unitPrice"),
        (RequestedItem("P-2", 1, 5), "KRW", True, ProductNotInCatalogue, "items.1.productId"),
    ],
    ids=["price", "currency", "without-price", "not-in-catalogue"],
)
def test_a_line_that_is_not_sold_is_named(
    item: RequestedItem, currency: str, requires_catalogue: bool, error: type[OrderError], field: str
) -> None:
    first = RequestedItem("C-2", 1)
    catalogue = CATALOGUE | {"C-2": Product("C-2", "컵", Money(1, currency), None, SHIRT.created_at)}
    with pytest.raises(error) as refused:
        priced([first, item], currency, catalogue, requires_catalogue=requires_catalogue)
    assert refused.value.field == field


def test_an_order_takes_the_pieces_of_all_its_lines_of_the_catalogue() -> None:
    order = an_order(
        OrderItem("C-1", 2, 1, "a"),
        OrderItem("P-1", 9, 1),
        OrderItem("C-2", 1, 1, "b"),
        OrderItem("C-1", 3, 1, "a"),
    )
    assert order.stock_to_take == {"C-1": 5, "C-2": 1}
