"""The coupon service beside an order service: its API on a socket, its database as it really is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine

import coupon_service.api
from order_service.application.ports import Coupons
from order_service.application.release_coupons import ReleaseCoupons
from order_service.coupons.http_coupons import HttpCoupons
from order_service.domain.coupon import CouponRelease, CouponReservation
from order_service.domain.coupon_outcome import ReleaseOutcome, ReservationOutcome
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.http.server import HttpServer
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.lives import history, issued, user_coupon_of
from tests.integration.coupon_service.service import an_engine
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.shop import Shop


@dataclass
class CouponShop:
    """One coupon service."""

    engine: Engine
    client: FlaskClient
    url: str

    def issued(self, user_id: int = 7, **terms: Any) -> int:
        """A coupon that the user holds: 5,000 off, unless its terms say something else."""
        return issued(self.client, self.engine, user_id, **terms)

    def coupon(self, user_coupon_id: int) -> dict[str, Any]:
        return user_coupon_of(self.client, user_coupon_id)

    def status(self, user_coupon_id: int) -> str:
        return str(self.coupon(user_coupon_id)["status"])

    def kinds(self, user_coupon_id: int) -> list[str]:
        """Its changes, oldest first."""
        return [kind for kind, _, _ in history(self.client, f"user-coupons/{user_coupon_id}")]


@contextmanager
def open_coupon_shop(database_url: str) -> Iterator[CouponShop]:
    """A coupon service on a migrated database."""
    engine, stop = an_engine(database_url), StopSignal()
    app = coupon_service.api.build_application(engine, stop, max_waiting=2)
    server = HttpServer(app, "127.0.0.1", 0)
    server.start()
    try:
        yield CouponShop(engine, app.test_client(), f"http://127.0.0.1:{server.port}")
    finally:
        stop.set()
        server.stop()
        engine.dispose()


@dataclass
class WatchedCoupons:
    """The coupon service as order-service sees it, with what a test does before and after a reservation."""

    coupons: Coupons
    before_reserving: Callable[[], None] = lambda: None
    after_reserving: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list)

    def reserve(
        self, reservation: CouponReservation, before_sending: Callable[[], None]
    ) -> ReservationOutcome:
        self.calls.append("reserve")
        self.before_reserving()
        outcome = self.coupons.reserve(reservation, before_sending)
        self.after_reserving()
        return outcome

    def release(self, release: CouponRelease) -> ReleaseOutcome:
        self.calls.append("release")
        return self.coupons.release(release)


def watched(url: str) -> WatchedCoupons:
    return WatchedCoupons(HttpCoupons(url, at_once=8))


def a_release_worker(shop: Shop, coupons: Coupons, failures: list[str] | None = None) -> ReleaseCoupons:
    unit_of_work = partial(OrderUnitOfWork, shop.engine)
    return ReleaseCoupons(unit_of_work, coupons, StopSignal(), a_report(failures))


def releases_grow_older(shop: Shop, by: timedelta) -> None:
    """As if all had been asked for, and were due, so much earlier."""
    earlier = f"- interval '{by.total_seconds()} seconds'"
    shop.execute(
        f"UPDATE coupon_release SET requested_at = requested_at {earlier}, next_at = next_at {earlier}"  # noqa: S608
    )


def releases_waiting(shop: Shop) -> list[tuple[int, int]]:
    """The coupons that have to be released, with how often that was tried."""
    return [
        (coupon, attempts)
        for coupon, attempts in shop.query("SELECT user_coupon_id, attempts FROM coupon_release ORDER BY 1")
    ]
