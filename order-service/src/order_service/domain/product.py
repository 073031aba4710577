"""What the shop sells, and for how much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from order_service.domain.errors import (
    PriceMismatch,
    ProductCurrencyMismatch,
    ProductNotInCatalogue,
    UnitPriceMissing,
)
from order_service.domain.money import Money
from order_service.domain.order import OrderItem


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the catalogue. ``stock`` is what is left to be sold, None where that is unlimited."""

    product_id: str
    name: str
    price: Money
    stock: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """One line as the client asks for it: ``unit_price`` may be left to the catalogue."""

    product_id: str
    quantity: int
    unit_price: int | None = None


def priced(
    items: Sequence[RequestedItem],
    currency: str,
    catalogue: Mapping[str, Product],
    *,
    requires_catalogue: bool,
) -> tuple[OrderItem, ...]:
    """The lines with the catalogue's prices and names, or with the client's price for other products.

    Raises :class:`UnitPriceMissing`, :class:`PriceMismatch`, :class:`ProductCurrencyMismatch`, and
    :class:`ProductNotInCatalogue` where the catalogue is all that may be sold.
    """
    return tuple(
        _of_catalogue(item, f"items.{index}", currency, catalogue[item.product_id])
        if item.product_id in catalogue
        else _of_client(item, f"items.{index}", requires_catalogue=requires_catalogue)
        for index, item in enumerate(items)
    )


def _of_catalogue(item: RequestedItem, line: str, currency: str, product: Product) -> OrderItem:
    if product.price.currency != currency:
        raise ProductCurrencyMismatch(
            f"{item.product_id} is sold in {product.price.currency}", field=f"{line}.productId"
        )
    if item.unit_price not in {None, product.price.amount}:
        raise PriceMismatch(f"must be the catalogue's, {product.price.amount}", field=f"{line}.unitPrice")
    return OrderItem(item.product_id, item.quantity, product.price.amount, product.name)


def _of_client(item: RequestedItem, line: str, *, requires_catalogue: bool) -> OrderItem:
    if requires_catalogue:
        raise ProductNotInCatalogue(field=f"{line}.productId")
    if item.unit_price is None:
        raise UnitPriceMissing(field=f"{line}.unitPrice")
    return OrderItem(item.product_id, item.quantity, item.unit_price)
