"""Reading the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.product import Product


@dataclass(frozen=True, slots=True)
class ProductsPage:
    """By the products' ids; ``next_after`` asks for the next page and is None on the last."""

    products: Sequence[Product]
    next_after: str | None


class ReadProducts:
    """Lists the catalogue by pages."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, limit: int, after: str | None) -> ProductsPage:
        """At most ``limit``, of those whose ids follow ``after``."""
        with self._unit_of_work() as unit_of_work:
            # One more than asked for: a full last page has no next one.
            found = unit_of_work.products.listed(limit + 1, after)
        page = found[:limit]
        return ProductsPage(page, next_after=page[-1].product_id if len(found) > limit else None)
