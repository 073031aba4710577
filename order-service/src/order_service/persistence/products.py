"""The products of the catalogue."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, any_, cast, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT, insert

from order_service.domain.errors import ProductAlreadyExists
from order_service.domain.money import Money
from order_service.domain.product import Product
from order_service.persistence.tables import product as products

_CHANGE = text("""
UPDATE product SET stock = stock + change.quantity
  FROM unnest(CAST(:product_ids AS text[]), CAST(:quantities AS bigint[])) AS change (product_id, quantity)
 WHERE product.product_id = change.product_id AND stock IS NOT NULL
""")


class SqlProducts:
    """The catalogue on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, product: Product) -> None:
        """Raises :class:`ProductAlreadyExists`."""
        added = self._connection.execute(
            insert(products)
            .values(
                product_id=product.product_id,
                name=product.name,
                unit_price=product.price.amount,
                currency=product.price.currency,
                stock=product.stock,
                created_at=product.created_at,
            )
            .on_conflict_do_nothing()
            .returning(products.c.product_id)
        )
        if added.one_or_none() is None:
            raise ProductAlreadyExists

    def get(self, product_id: str) -> Product | None:
        found = self._all(select(products).where(products.c.product_id == product_id))
        return found[0] if found else None

    def named(self, product_ids: Collection[str]) -> Mapping[str, Product]:
        found = self._all(select(products).where(products.c.product_id == any_(_array(product_ids))))
        return {product.product_id: product for product in found}

    def listed(self, limit: int, after: str | None) -> list[Product]:
        query = select(products).order_by(products.c.product_id).limit(limit)
        if after is not None:
            query = query.where(products.c.product_id > after)
        return self._all(query)

    def sold_out(self, pieces: Mapping[str, int]) -> list[str]:
        return self._lacking(pieces, _left(pieces)) if pieces else []

    def take(self, pieces: Mapping[str, int]) -> list[str]:
        if not pieces:
            return []
        lacking = self._lacking(pieces, _held(pieces))
        if not lacking:
            self._change({product_id: -quantity for product_id, quantity in pieces.items()})
        return lacking

    def give_back(self, pieces: Mapping[str, int]) -> None:
        if pieces:
            self._connection.execute(_held(pieces))
            self._change(pieces)

    def _change(self, pieces: Mapping[str, int]) -> None:
        self._connection.execute(_CHANGE, {"product_ids": list(pieces), "quantities": list(pieces.values())})

    def _lacking(self, pieces: Mapping[str, int], left: Select[Any]) -> list[str]:
        return [
            product_id for product_id, stock in self._connection.execute(left) if stock < pieces[product_id]
        ]

    def _all(self, query: Select[Any]) -> list[Product]:
        return [_product(row) for row in self._connection.execute(query)]


def _left(pieces: Mapping[str, int]) -> Select[Any]:
    """Of the products whose stock is limited: the others are locked by nobody."""
    return (
        select(products.c.product_id, products.c.stock)
        .where(products.c.product_id == any_(_array(pieces)), products.c.stock.is_not(None))
        .order_by(products.c.product_id)
    )


def _held(pieces: Mapping[str, int]) -> Select[Any]:
    # Each caller locks in the same order, so that two never wait for each other.
    return _left(pieces).with_for_update(key_share=True)


def _array(product_ids: Collection[str]) -> Any:
    return cast(literal(sorted(product_ids), ARRAY(TEXT)), ARRAY(TEXT))


def _product(row: Row[Any]) -> Product:
    price = Money(row.unit_price, row.currency)
    return Product(row.product_id, row.name, price, row.stock, row.created_at)
