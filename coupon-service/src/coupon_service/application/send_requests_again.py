"""Requests get their event again."""

from collections.abc import Sequence
from uuid import UUID

from coupon_service.application.ports import RequestEvent, UnitOfWorkFactory


class SendRequestsAgain:
    """A second event of a request that is decided meanwhile decides nothing."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, request_event: RequestEvent) -> None:
        self._unit_of_work = unit_of_work
        self._request_event = request_event

    def __call__(self, request_ids: Sequence[UUID]) -> int:
        """In one transaction, for those that are undecided; returns how many."""
        with self._unit_of_work() as unit_of_work:
            stored = unit_of_work.coupon_requests.stored(request_ids).values()
            undecided = (one.request for one in stored if not one.is_decided)
            # In the order of acceptance, which is that of their decision.
            requests = sorted(undecided, key=lambda request: (request.requested_at, request.request_id))
            unit_of_work.outbox.append_all(self._request_event(request, None) for request in requests)
            unit_of_work.commit()
        return len(requests)
