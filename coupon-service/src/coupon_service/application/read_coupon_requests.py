"""Reading requests, any number in one query."""

from collections.abc import Sequence
from uuid import UUID

from coupon_service.application.ports import UnitOfWorkFactory
from coupon_service.domain.coupon_request import CouponRequestStanding
from coupon_service.domain.errors import CouponRequestNotFound


class ReadCouponRequests:
    """What became of requests, each with its place in line while it is undecided."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    def __call__(self, request_ids: Sequence[UUID]) -> list[CouponRequestStanding | CouponRequestNotFound]:
        """In the order of ``request_ids``."""
        with self._unit_of_work() as unit_of_work:
            found = unit_of_work.coupon_requests.standings(request_ids)
        return [found.get(request_id) or CouponRequestNotFound() for request_id in request_ids]
