"""Storing accepted requests, each in a transaction of its own."""

from collections.abc import Callable
from uuid import UUID

from coupon_service.application.events import coupon_publish_requested
from coupon_service.application.idempotency import Idempotency
from coupon_service.application.ports import Database, Transaction
from coupon_service.domain.request import CouponRequest


class TransactionalAcceptance:
    """A request's row and its event commit together or not at all."""

    def __init__(self, database: Database, new_id: Callable[[], UUID]) -> None:
        self._database = database
        self._new_id = new_id

    def accept(self, request: CouponRequest) -> UUID:
        with self._database.begin() as transaction:
            self._store(transaction, request)
            transaction.commit()
        return request.request_id

    def accept_once(self, request: CouponRequest, idempotency: Idempotency) -> UUID:
        with self._database.begin() as transaction:
            earlier = transaction.idempotency_keys.begin(idempotency.key, idempotency.fingerprint)
            if earlier is not None:
                return UUID(earlier["requestId"])
            self._store(transaction, request)
            transaction.idempotency_keys.finish(idempotency.key, {"requestId": str(request.request_id)})
            transaction.commit()
        return request.request_id

    def _store(self, transaction: Transaction, request: CouponRequest) -> None:
        transaction.requests.add_all([request])
        transaction.outbox.append_all([coupon_publish_requested(request, self._new_id())])
