"""A user presses a coupon's button. Whether a coupon is left is decided later, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from coupon_service.application.accept_requests import RequestToAccept
from coupon_service.application.ports import Gate
from coupon_service.domain.coupon_request import NewCouponRequest
from coupon_service.domain.errors import CouponNotAvailable
from servicekit.idempotency.key import (
    Answer,
    IdempotencyKey,
    IdempotencyKeyHeld,
    Outcome,
)
from servicekit.identifiers import uuid7


@dataclass(frozen=True, slots=True)
class RequestCouponCommand:
    """A user pressed a coupon's button.

    ``is_clients_key`` is false where something on the way made the key: no client sends that one again.
    ``traceparent`` is the trace that the request's event continues.
    """

    user_id: int
    coupon_id: int
    idempotency_key: IdempotencyKey | None = None
    is_clients_key: bool = True
    traceparent: str | None = None


class RequestCoupon:
    """Refuses at the gate, without a write, or accepts; once for each idempotency key."""

    def __init__(
        self,
        gate: Gate,
        find_key: Callable[[IdempotencyKey], Outcome],
        accept: Callable[[RequestToAccept], Answer[UUID]],
        accept_alone: Callable[[RequestToAccept], Answer[UUID]],
    ) -> None:
        """``accept`` raises IdempotencyKeyHeld for what ``accept_alone`` waits for."""
        self._gate = gate
        self._find_key = find_key
        self._accept = accept
        self._accept_alone = accept_alone

    def __call__(self, command: RequestCouponCommand) -> Answer[UUID]:
        """The id of the request, committed now or by an earlier call with the same key.

        Raises CouponNotFound, CouponNotAvailable, IdempotencyKeyReused and IdempotencyKeyHeld.
        """
        try:
            self._gate.check(command.coupon_id)
        except CouponNotAvailable:
            earlier = self._earlier(command)
            if earlier is None:
                raise
            return earlier
        # The gate may be a second behind: the worker alone sees the requests in their order.
        to_accept = _to_accept(command)
        try:
            return self._accept(to_accept)
        except IdempotencyKeyHeld:
            return self._accept_alone(to_accept)

    def without_waiting(self, command: RequestCouponCommand) -> RequestToAccept | None:
        """What has to be accepted for ``command``; None if only :meth:`__call__` can tell.

        Raises CouponNotFound and CouponNotAvailable.
        """
        try:
            is_known = self._gate.check_known(command.coupon_id)
        except CouponNotAvailable:
            if _may_have_an_answer(command):
                return None
            raise
        return _to_accept(command) if is_known else None

    def _earlier(self, command: RequestCouponCommand) -> Answer[UUID] | None:
        """The answer to the first use of the client's key: it holds, whatever became of the coupon since."""
        if command.idempotency_key is None or not _may_have_an_answer(command):
            return None
        found = self._find_key(command.idempotency_key)
        if isinstance(found, Exception):
            raise found
        return None if found is None else Answer(UUID(found["requestId"]), is_replay=True)


def _to_accept(command: RequestCouponCommand) -> RequestToAccept:
    new = NewCouponRequest(uuid7(), command.coupon_id, command.user_id)
    return RequestToAccept(new, command.idempotency_key, command.traceparent)


def _may_have_an_answer(command: RequestCouponCommand) -> bool:
    return command.idempotency_key is not None and command.is_clients_key
