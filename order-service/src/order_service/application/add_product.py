"""Adding a product to the catalogue."""

from dataclasses import dataclass, replace

from order_service.application.ports import UnitOfWork, UnitOfWorkFactory
from order_service.domain.errors import ProductNotFound
from order_service.domain.money import Money
from order_service.domain.product import Product
from servicekit.idempotency.key import Answer, IdempotencyKey


@dataclass(frozen=True, slots=True)
class AddProductCommand:
    """What is to be sold. ``stock`` is None where that is unlimited."""

    product_id: str
    name: str
    price: Money
    stock: int | None
    idempotency_key: IdempotencyKey | None = None


class AddProduct:
    """Stores a product, once for each idempotency key. Its price never changes."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, command: AddProductCommand) -> Answer[Product]:
        """The product as added: now, or by an earlier request with the same key.

        Raises :class:`~order_service.domain.errors.ProductAlreadyExists`.
        """
        with self._unit_of_work() as unit_of_work:
            if command.idempotency_key is not None:
                reply = {"productId": command.product_id}
                if unit_of_work.idempotency_keys.claim(command.idempotency_key, reply) is not None:
                    return Answer(_added_earlier(unit_of_work, command), is_replay=True)
            product = Product(
                command.product_id, command.name, command.price, command.stock, unit_of_work.now()
            )
            unit_of_work.products.add(product)
            unit_of_work.commit()
        return Answer(product)


def _added_earlier(unit_of_work: UnitOfWork, command: AddProductCommand) -> Product:
    product = unit_of_work.products.get(command.product_id)
    if product is None:
        raise ProductNotFound
    # A repeated request gets the reply of the first one, whatever has been sold since.
    return replace(product, stock=command.stock)
