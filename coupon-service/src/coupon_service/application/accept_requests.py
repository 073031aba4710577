"""Storing requests for coupons with their events, any number in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import RequestEvent, UnitOfWork, UnitOfWorkFactory
from coupon_service.domain.coupon_request import NewCouponRequest
from servicekit.idempotency.key import Answer, Claim, IdempotencyKey, IdempotencyKeyReused, Outcome


@dataclass(frozen=True, slots=True)
class RequestToAccept:
    """A press that passed the gate. ``traceparent`` is the trace of the press, which its event continues."""

    new: NewCouponRequest
    idempotency_key: IdempotencyKey | None
    traceparent: str | None


class AcceptRequests:
    """Stores requests and their events, all or none; once for each idempotency key."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, request_event: RequestEvent) -> None:
        self._unit_of_work = unit_of_work
        self._request_event = request_event

    def __call__(self, arrived: Sequence[RequestToAccept]) -> list[Answer[UUID] | IdempotencyKeyReused]:
        """The id of each request, committed now or by an earlier use of its key, in the order of arrival.

        Where a key was used for another request, the IdempotencyKeyReused stands in its place.
        """
        with self._unit_of_work() as unit_of_work:
            earlier = _claim_keys(unit_of_work, arrived)
            fresh = [one for one in arrived if earlier.get(one.new.request_id) is None]
            if fresh:
                stored = unit_of_work.coupon_requests.add_all([one.new for one in fresh])
                # In the same transaction: an accepted request without its event would never be decided.
                unit_of_work.outbox.append_all(
                    self._request_event(request, one.traceparent)
                    for request, one in zip(stored, fresh, strict=True)
                )
                unit_of_work.commit()
        return [_answer(one.new.request_id, earlier.get(one.new.request_id)) for one in arrived]


def _claim_keys(unit_of_work: UnitOfWork, arrived: Sequence[RequestToAccept]) -> Mapping[UUID, Outcome]:
    """By request id: what became of the keys of those that have one."""
    claims = {
        one.new.request_id: Claim(one.idempotency_key, {"requestId": str(one.new.request_id)})
        for one in arrived
        if one.idempotency_key is not None
    }
    if not claims:
        return {}
    return dict(zip(claims, unit_of_work.idempotency_keys.claim_all(list(claims.values())), strict=True))


def _answer(request_id: UUID, earlier: Outcome) -> Answer[UUID] | IdempotencyKeyReused:
    if earlier is None:
        return Answer(request_id)
    if isinstance(earlier, IdempotencyKeyReused):
        return earlier
    return Answer(UUID(earlier["requestId"]), is_replay=True)
