"""Storing requests for coupons with their events, any number in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.ports import IdempotencyKeys, RequestEvent, UnitOfWork, UnitOfWorkFactory
from coupon_service.domain.coupon_request import NewCouponRequest
from servicekit.idempotency.key import (
    Answer,
    Claim,
    IdempotencyKey,
    IdempotencyKeyHeld,
    IdempotencyKeyReused,
    Outcome,
)

KEY_WAIT_MS = 50
"""What a set has for its keys: longer than most transactions take that are under way with one of them."""

Accepted = Answer[UUID] | IdempotencyKeyReused | IdempotencyKeyHeld
_ClaimAll = Callable[[IdempotencyKeys, Sequence[Claim]], Sequence[Outcome]]


@dataclass(frozen=True, slots=True)
class RequestToAccept:
    """A press that passed the gate. ``traceparent`` is the trace of the press, which its event continues."""

    new: NewCouponRequest
    idempotency_key: IdempotencyKey | None
    traceparent: str | None


class AcceptRequests:
    """Stores requests and their events, all or none; once for each idempotency key."""

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, request_event: RequestEvent, *, waits_for_keys: bool = True
    ) -> None:
        """Without ``waits_for_keys``, a key that another transaction holds keeps no other request waiting."""
        self._unit_of_work = unit_of_work
        self._request_event = request_event
        self._waits_for_keys = waits_for_keys

    def __call__(self, arrived: Sequence[RequestToAccept]) -> list[Accepted]:
        """The id of each request, committed now or by an earlier use of its key, in the order of arrival.

        Where a key was used for another request, the IdempotencyKeyReused stands in its place; and an
        IdempotencyKeyHeld for each request that isn't stored, as its key was to be waited for.
        """
        if self._waits_for_keys:
            return self._accept(arrived, lambda keys, claims: keys.claim_all(claims))
        try:
            return self._accept(arrived, lambda keys, claims: keys.claim_all(claims, KEY_WAIT_MS))
        except IdempotencyKeyHeld:
            # A process may have been frozen with it. Only one key after the other shows which are held.
            return self._accept(arrived, lambda keys, claims: keys.claim_free(claims))

    def _accept(self, arrived: Sequence[RequestToAccept], claim_all: _ClaimAll) -> list[Accepted]:
        with self._unit_of_work() as unit_of_work:
            earlier = _claim_keys(unit_of_work, arrived, claim_all)
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


def _claim_keys(
    unit_of_work: UnitOfWork, arrived: Sequence[RequestToAccept], claim_all: _ClaimAll
) -> Mapping[UUID, Outcome]:
    """By request id: what became of the keys of those that have one."""
    claims = {
        one.new.request_id: Claim(one.idempotency_key, {"requestId": str(one.new.request_id)})
        for one in arrived
        if one.idempotency_key is not None
    }
    if not claims:
        return {}
    return dict(zip(claims, claim_all(unit_of_work.idempotency_keys, list(claims.values())), strict=True))


def _answer(request_id: UUID, earlier: Outcome) -> Accepted:
    if earlier is None:
        return Answer(request_id)
    if isinstance(earlier, IdempotencyKeyReused | IdempotencyKeyHeld):
        return earlier
    return Answer(UUID(earlier["requestId"]), is_replay=True)
