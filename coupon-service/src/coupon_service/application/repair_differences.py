"""Mending what reconciliation found, where that is safe."""

from collections.abc import Sequence
from uuid import UUID

from coupon_service.application.ports import RequestEvent, UnitOfWorkFactory


class RepairDifferences:
    """Each call is a transaction, and harmless where nothing was wrong."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, request_event: RequestEvent) -> None:
        self._unit_of_work = unit_of_work
        self._request_event = request_event

    def send_again(self, request_ids: Sequence[UUID]) -> int:
        """A second event of a request that is decided meanwhile decides nothing."""
        with self._unit_of_work() as unit_of_work:
            stored = unit_of_work.coupon_requests.stored(request_ids).values()
            undecided = (one.request for one in stored if not one.is_decided)
            # In the order of acceptance, which is that of their decision.
            requests = sorted(undecided, key=lambda request: (request.requested_at, request.request_id))
            unit_of_work.outbox.append_all(self._request_event(request, None) for request in requests)
            unit_of_work.commit()
        return len(requests)

    def recount(self, coupon_id: int) -> bool:
        """Under the coupon's lock, so that no decision is made meanwhile."""
        with self._unit_of_work() as unit_of_work:
            is_done = unit_of_work.coupon_counters.recount(coupon_id)
            unit_of_work.commit()
        return is_done
