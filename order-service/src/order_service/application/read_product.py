"""Reading a product."""

from order_service.application.ports import UnitOfWorkFactory
from order_service.domain.errors import ProductNotFound
from order_service.domain.product import Product


class ReadProduct:
    """Looks a product up."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, product_id: str) -> Product:
        """Raises :class:`ProductNotFound`."""
        with self._unit_of_work() as unit_of_work:
            product = unit_of_work.products.get(product_id)
        if product is None:
            raise ProductNotFound
        return product
