"""Accepting a user's request for a coupon. Whether one is left is decided later, in order."""

from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import CouponDirectory, RequestEvent, UnitOfWorkFactory
from coupon_service.domain.errors import CouponNotFound
from servicekit.idempotency.key import Answer, IdempotencyKey
from servicekit.identifiers import uuid7


@dataclass(frozen=True, slots=True)
class RequestCouponCommand:
    """A user pressed a coupon's button."""

    user_id: int
    coupon_id: int
    idempotency_key: IdempotencyKey | None = None


class RequestCoupon:
    """Stores a request and its event, both or neither; once for each idempotency key."""

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, coupons: CouponDirectory, request_event: RequestEvent
    ) -> None:
        self._unit_of_work = unit_of_work
        self._coupons = coupons
        self._request_event = request_event

    def __call__(self, command: RequestCouponCommand) -> Answer[UUID]:
        """The id of the request, committed now or by an earlier call with the same key.

        Raises :class:`CouponNotFound`.
        """
        # Neither stock nor period is checked here: only the worker sees the requests in their order.
        if not self._coupons.exists(command.coupon_id):
            raise CouponNotFound
        request_id = uuid7()
        with self._unit_of_work() as unit_of_work:
            if command.idempotency_key is not None:
                earlier = unit_of_work.idempotency_keys.claim(
                    command.idempotency_key, {"requestId": str(request_id)}
                )
                if earlier is not None:
                    return Answer(UUID(earlier["requestId"]), is_replay=True)
            request = unit_of_work.coupon_requests.add(request_id, command.coupon_id, command.user_id)
            # In the same transaction: an accepted request without its event would never be decided.
            unit_of_work.outbox.append(self._request_event(request))
            unit_of_work.commit()
        return Answer(request_id)
