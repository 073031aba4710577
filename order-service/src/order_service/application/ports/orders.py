"""Orders, and what is sold."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from order_service.domain.order import Order
from order_service.domain.product import Product


class Orders(Protocol):
    def add(self, order: Order) -> None: ...

    def get(self, order_id: UUID) -> Order | None: ...

    def lock(self, order_id: UUID) -> Order | None:
        """The order, held until the transaction ends. Comes before every change of it and of its payments."""
        ...

    def complete(self, order: Order) -> None: ...

    def cancel(self, order: Order) -> None: ...

    def of_user(self, user_id: int, limit: int, before: UUID | None) -> Sequence[Order]:
        """The user's orders, newest first, of those that were placed before the order ``before``.

        Raises UnknownPage where that isn't the user's.
        """
        ...


class UnpaidOrders(Protocol):
    """The orders that wait for their payment."""

    def expire(self, placed_before: datetime, limit: int, besides: Collection[UUID] = ()) -> Sequence[UUID]:
        """Expire those placed before then, the oldest first: at most ``limit``, and none that is held.

        An order with an unsettled payment stays: it may have been paid. So do those of ``besides``.
        """
        ...

    def expire_one(self, order_id: UUID) -> Sequence[UUID]:
        """The same for one order; empty where it stays."""
        ...

    def due(self, placed_before: datetime, limit: int, besides: Collection[UUID]) -> Sequence[UUID]:
        """Those that :meth:`expire` would expire, held or not."""
        ...


class Products(Protocol):
    """The catalogue."""

    def add(self, product: Product) -> None:
        """Raises ProductAlreadyExists."""
        ...

    def get(self, product_id: str) -> Product | None: ...

    def named(self, product_ids: Collection[str]) -> Mapping[str, Product]:
        """Those of ``product_ids`` that the catalogue has."""
        ...

    def listed(self, limit: int, after: str | None) -> Sequence[Product]:
        """By their ids, from the one that follows ``after`` on."""
        ...

    def sold_out(self, pieces: Mapping[str, int]) -> Sequence[str]:
        """The products that have fewer ``pieces`` left, as it is now: others may take them yet."""
        ...

    def take(self, pieces: Mapping[str, int]) -> Sequence[str]:
        """Take so many ``pieces`` of each product's stock, or nothing: then the products that lack them.

        Products are held until the transaction ends, in an order that all callers share. The order that they
        are taken for was locked before.
        """
        ...

    def give_back(self, pieces: Mapping[str, int]) -> None:
        """Undo :meth:`take`, under the same locks."""
        ...
