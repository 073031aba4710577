"""Looking up idempotency keys, any number in one query."""

from collections.abc import Sequence

from coupon_service.application.ports import UnitOfWorkFactory
from servicekit.idempotency.key import IdempotencyKey, Outcome


class FindKeys:
    """What keys have been answered, without claiming them."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, keys: Sequence[IdempotencyKey]) -> list[Outcome]:
        """In the order of ``keys``."""
        with self._unit_of_work() as unit_of_work:
            return unit_of_work.idempotency_keys.find_all(keys)
