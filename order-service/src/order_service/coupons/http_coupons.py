"""The coupon service: what it surely said, or that nothing can be said."""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from order_service.coupons.replies import Refusal, UserCoupon
from order_service.domain.coupon import CouponRelease, CouponReservation
from order_service.domain.coupon_outcome import (
    CouponNotHeld,
    CouponNotSent,
    CouponRefused,
    CouponReleased,
    CouponReserved,
    CouponUnanswered,
    CouponUnclear,
    ReleaseOutcome,
    ReservationOutcome,
)
from order_service.domain.errors import (
    OrderAmountTooSmall,
    OrderError,
    UserCouponNotFound,
    UserCouponNotUsable,
)
from servicekit.outbound.bounded_transport import BEFORE_SENDING, INCOMPLETE
from servicekit.outbound.http_client import create_http_client

TIMEOUT_SECONDS = 3.0
_NOT_FOUND = (404, "urn:problem:user-coupon-not-found")
_REFUSED_BY_STATUS = (409, "urn:problem:user-coupon-transition-refused")
_TOO_SMALL = (422, "urn:problem:order-amount-too-small")
_UNUSABLE = {"RESERVED", "USED", "GIVEN_BACK", "EXPIRED", "REVOKED"}

_ModelT = TypeVar("_ModelT", bound=BaseModel)

_log = structlog.get_logger(__name__)


class HttpCoupons:
    """Connections for ``at_once`` calls."""

    def __init__(self, url: str, at_once: int) -> None:
        self._user_coupons_url = f"{url.rstrip('/')}/api/v1/user-coupons"
        self._client = create_http_client(TIMEOUT_SECONDS, at_once)

    def reserve(
        self, reservation: CouponReservation, before_sending: Callable[[], None]
    ) -> ReservationOutcome:
        body = {
            "orderId": str(reservation.order_id),
            "userId": reservation.user_id,
            "orderAmount": reservation.order_amount,
            "holdSeconds": int(reservation.hold.total_seconds()),
        }
        response = self._post(reservation.user_coupon_id, "reserve", body, before_sending)
        if not isinstance(response, httpx.Response):
            return response
        if response.status_code == httpx.codes.OK:
            return _reserved(response, reservation)
        refused = _readable(response, Refusal)
        error = None if refused is None else _refusal(response.status_code, refused)
        if error is None:
            _log.warning(
                "coupon_service_refused_call", status=response.status_code, type=refused and refused.type
            )
            return CouponUnclear()
        return CouponRefused(error)

    def release(self, release: CouponRelease) -> ReleaseOutcome:
        body = {"orderId": str(release.order_id), "reason": "order not placed or not paid"}
        response = self._post(release.user_coupon_id, "release", body, lambda: None)
        if not isinstance(response, httpx.Response):
            return CouponUnanswered()
        if response.status_code == httpx.codes.OK:
            return _released(response, release)
        refused = _readable(response, Refusal)
        # The second one also where the coupon was used for this order: nothing of it can be released.
        if refused and (response.status_code, refused.type) in (_NOT_FOUND, _REFUSED_BY_STATUS):
            return CouponNotHeld()
        _log.warning(
            "coupon_service_refused_call", status=response.status_code, type=refused and refused.type
        )
        return CouponUnanswered() if _is_away(response) else CouponUnclear()

    def _post(
        self, user_coupon_id: int, verb: str, body: dict[str, Any], before_sending: Callable[[], None]
    ) -> httpx.Response | CouponNotSent | CouponUnclear:
        url = f"{self._user_coupons_url}/{user_coupon_id}/{verb}"
        request = self._client.build_request("POST", url, json=body)
        request.extensions[BEFORE_SENDING] = before_sending
        try:
            return self._client.send(request)
        except httpx.TransportError as error:
            _log.warning("coupon_service_unanswered", verb=verb, reason=f"{type(error).__name__} {error}")
            # The transport raises these if surely nothing was sent.
            is_unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            return CouponNotSent() if is_unsent else CouponUnclear()


def _is_away(response: httpx.Response) -> bool:
    return response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS


def _reserved(response: httpx.Response, asked: CouponReservation) -> ReservationOutcome:
    held = _readable(response, UserCoupon)
    if held is None or held.reservation is None:
        return CouponUnclear()
    given = held.reservation
    if (
        (held.user_coupon_id, held.user_id) == (asked.user_coupon_id, asked.user_id)
        and (given.order_id, given.order_amount) == (asked.order_id, asked.order_amount)
        and held.status == "RESERVED"
        and 0 <= given.discount_amount <= asked.order_amount
    ):
        return CouponReserved(given.discount_amount)
    _log.error("coupon_service_contradicts_itself", order_id=str(asked.order_id))
    return CouponUnclear()


def _released(response: httpx.Response, release: CouponRelease) -> ReleaseOutcome:
    coupon = _readable(response, UserCoupon)
    if coupon is None:
        return CouponUnclear()
    is_held = coupon.reservation is not None and coupon.reservation.order_id == release.order_id
    if coupon.user_coupon_id != release.user_coupon_id or is_held:
        _log.error("coupon_service_contradicts_itself", order_id=str(release.order_id))
        return CouponUnclear()
    return CouponReleased()


def _refusal(status: int, refused: Refusal) -> OrderError | None:
    problem = (status, refused.type)
    if problem == _NOT_FOUND:
        return UserCouponNotFound()
    if problem == _TOO_SMALL:
        return OrderAmountTooSmall()
    if problem == _REFUSED_BY_STATUS and refused.current_status in _UNUSABLE:
        return UserCouponNotUsable(refused.current_status)
    return None


def _readable(response: httpx.Response, model: type[_ModelT]) -> _ModelT | None:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        _log.warning(
            "coupon_service_reply_unreadable",
            status=response.status_code,
            fields=sorted({str(each["loc"]) for each in error.errors(include_input=False)})[:5],
            incomplete=response.extensions.get(INCOMPLETE),
        )
        return None
