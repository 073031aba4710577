"""One row that an error keeps from being worked on delays no other: it is logged, counted, and waits."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from structlog.typing import EventDict

from order_service.application.expire_orders import ExpireOrders
from order_service.application.refund_due_payments import RefundsDone
from order_service.application.release_coupons import CouponsReleased
from order_service.application.settle_unsettled_payments import LookUps
from order_service.domain.coupon import CouponRelease, CouponReservation
from order_service.domain.coupon_outcome import (
    CouponReleased,
    CouponUnclear,
    ReleaseOutcome,
    ReservationOutcome,
)
from order_service.domain.money import Money
from order_service.domain.payment_outcome import ChargedOtherwise
from order_service.gateways.toss.webhooks import parse_webhook
from order_service.persistence.unit_of_work import OrderUnitOfWork
from servicekit.identifiers import uuid7
from tests.integration.order_service.coupon_shop import a_release_worker, releases_waiting
from tests.integration.order_service.hints import a_follower, a_toss_body, report
from tests.integration.order_service.ledger_gateway import LedgerGateway
from tests.integration.order_service.orders.test_expiry import LIMIT, orders_grow_older, statuses
from tests.integration.order_service.postponed import a_report
from tests.integration.order_service.refunding.test_refunding import a_refunder, time_passes_for_refunds
from tests.integration.order_service.settling.test_settling import a_worker
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, Shop
from tests.support.order_builders import NOON

NOTHING = LookUps(0, 0)
# What the columns can't hold.
NO_MONEY, ENDLESS_MONEY = Money(0, "KRW"), Money(10**20, "KRW")


def errors(logs: list[EventDict]) -> list[tuple[str, str]]:
    """What was logged as one, with the id that it names."""
    return [
        (line["event"], line.get("payment_id") or line.get("order_id", ""))
        for line in logs
        if line["log_level"] == "error"
    ]


def unknown(shop: Shop, payment_key: str) -> str:
    order_id = shop.placed()
    assert shop.pay(order_id, payment_key).status_code == 504
    return order_id


def refuse(shop: Shop, table: str, refused: str) -> None:
    shop.execute(f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK (NOT ({refused})) NOT VALID")


@pytest.mark.parametrize("money", [NO_MONEY, ENDLESS_MONEY], ids=["nothing", "more than fits"])
def test_an_outcome_that_can_not_be_stored_delays_no_look_up(
    shop: Shop, logs: list[EventDict], money: Money
) -> None:
    unknown(shop, "silent-liar")
    honest = unknown(shop, "silent-2")
    shop.gateway.says["silent-liar"] = ChargedOtherwise(NOON, money)
    shop.time_passes(IN_PROGRESS_LIMIT)
    failures = list[str]()
    worker = a_worker(shop.engine, shop.gateway, failures=failures)

    assert worker() == LookUps(looked_up=2, settled=1)

    assert shop.order(honest)["status"] == "COMPLETED"
    [(liar, pause)] = shop.query(
        "SELECT payment_id, extract(epoch FROM next_lookup_at - clock_timestamp())::float FROM payment"
        " WHERE payment_key = 'silent-liar' AND status = 'UNKNOWN'"
    )
    assert 2 < pause <= 10
    assert (failures, errors(logs)) == (
        ["payment_lookup_postponed"], [("payment_lookup_postponed", str(liar))]
    )  # fmt: skip
    assert worker() == NOTHING


def test_an_outcome_that_can_not_be_stored_delays_no_hint(shop: Shop, logs: list[EventDict]) -> None:
    gateway = LedgerGateway("toss", "shop-1")
    shop = Shop(shop.engine, gateway, webhooks={"toss": parse_webhook})
    hinted = {key: unknown(shop, key) for key in ("silent-liar", "silent-2")}
    gateway.says["silent-liar"] = ChargedOtherwise(NOON, NO_MONEY)
    for key, order_id in hinted.items():
        assert report(shop, a_toss_body(order_id, key)).status_code == 200
    failures = list[str]()
    follower = a_follower(shop.engine, gateway, failures=failures)

    assert follower() == LookUps(looked_up=2, settled=1)

    assert shop.order(hinted["silent-2"])["status"] == "COMPLETED"
    [(liar,)] = shop.query("SELECT payment_id FROM payment_hint WHERE due_at > clock_timestamp()")
    assert (failures, errors(logs)) == (["payment_hint_postponed"], [("payment_hint_postponed", str(liar))])
    assert follower() == NOTHING


@pytest.fixture
def due(shop: Shop) -> list[UUID]:
    """Two payments whose money has to be returned."""
    for number in range(2):
        assert shop.pay(shop.placed(), f"dollars-{number}").status_code == 409
    return [payment_id for (payment_id,) in shop.query("SELECT payment_id FROM payment ORDER BY payment_id")]


def test_a_refund_that_can_not_be_stored_delays_no_other(
    shop: Shop, due: list[UUID], logs: list[EventDict]
) -> None:
    refuse(shop, "refund", f"payment_id = '{due[0]}' AND status = 'REFUNDED'")
    failures = list[str]()
    refund = a_refunder(shop, failures=failures)

    assert refund() == RefundsDone(steps=2, refunded=1)
    assert (failures, errors(logs)) == (["refund_postponed"], [("refund_postponed", str(due[0]))])
    assert refund() == RefundsDone()

    # It is asked about, and not asked for again.
    time_passes_for_refunds(shop)
    shop.execute("ALTER TABLE refund DROP CONSTRAINT refused")
    assert refund() == RefundsDone(steps=1, refunded=1)
    assert len(shop.gateway.refund_keys) == 2


def test_a_refund_that_can_not_be_begun_delays_no_other(
    shop: Shop, due: list[UUID], logs: list[EventDict]
) -> None:
    refuse(shop, "refund", f"payment_id = '{due[0]}'")
    failures = list[str]()
    refund = a_refunder(shop, failures=failures)

    assert refund() == RefundsDone(steps=1, refunded=1)
    # For a while it is left alone.
    assert refund() == RefundsDone()

    assert (failures, errors(logs)) == (["refund_not_begun"], [("refund_not_begun", str(due[0]))])
    shop.execute("ALTER TABLE refund DROP CONSTRAINT refused")
    assert a_refunder(shop)() == RefundsDone(steps=1, refunded=1)


def test_an_order_that_can_not_be_expired_delays_no_other(shop: Shop, logs: list[EventDict]) -> None:
    orders = [shop.placed() for _ in range(3)]
    orders_grow_older(shop)
    refuse(shop, "orders", f"order_id = '{orders[0]}' AND expired_at IS NOT NULL")
    failures = list[str]()
    expire = ExpireOrders(partial(OrderUnitOfWork, shop.engine), LIMIT, a_report(failures))

    assert expire() == 2
    assert statuses(shop, *orders) == ["PENDING_PAYMENT", "EXPIRED", "EXPIRED"]
    other = shop.placed()
    orders_grow_older(shop)
    assert expire() == 1

    assert statuses(shop, orders[0], other) == ["PENDING_PAYMENT", "EXPIRED"]
    assert (failures, errors(logs)) == (["order_expiry_postponed"], [("order_expiry_postponed", orders[0])])


class StrangeCoupons:
    """Releases all coupons but number 1, about which ``answer`` is asked."""

    def __init__(self, answer: Callable[[], ReleaseOutcome]) -> None:
        self._answer = answer

    def reserve(
        self, reservation: CouponReservation, before_sending: Callable[[], None]
    ) -> ReservationOutcome:
        raise NotImplementedError

    def release(self, release: CouponRelease) -> ReleaseOutcome:
        return self._answer() if release.user_coupon_id == 1 else CouponReleased()


def fail() -> ReleaseOutcome:
    raise KeyError("status")


def release_two(shop: Shop) -> None:
    with OrderUnitOfWork(shop.engine) as unit_of_work:
        for number in (1, 2):
            unit_of_work.coupon_releases.add(CouponRelease(uuid7(), number), timedelta())
        unit_of_work.commit()


@pytest.mark.parametrize(("answer", "counted"), [(CouponUnclear, 0), (fail, 1)], ids=["nonsense", "a bug"])
def test_a_coupon_that_gets_a_strange_answer_delays_no_other(
    shop: Shop, answer: Callable[[], ReleaseOutcome], counted: int
) -> None:
    release_two(shop)
    failures = list[str]()

    done = a_release_worker(shop, StrangeCoupons(answer), failures)()

    assert done == CouponsReleased(asked=2, released=1)
    assert (releases_waiting(shop), failures) == ([(1, 1)], ["coupon_release_postponed"] * counted)


def test_a_release_that_can_not_be_stored_delays_no_other(shop: Shop, logs: list[EventDict]) -> None:
    release_two(shop)
    shop.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'check_violation'; END $$;"
        "CREATE TRIGGER refused BEFORE DELETE ON coupon_release FOR EACH ROW WHEN (OLD.user_coupon_id = 1)"
        " EXECUTE FUNCTION refuse()"
    )
    done = a_release_worker(shop, StrangeCoupons(CouponReleased))()
    assert done == CouponsReleased(asked=2, released=1)
    [(order_id,)] = shop.query("SELECT order_id FROM coupon_release WHERE next_at > clock_timestamp()")
    assert errors(logs) == [("coupon_release_postponed", str(order_id))]


def test_a_payment_by_a_method_of_a_later_release_is_left_to_it(shop: Shop) -> None:
    unknown(shop, "silent-1")
    known = unknown(shop, "silent-2")
    shop.execute("UPDATE payment SET method = 'BARTER' WHERE payment_key = 'silent-1'")
    shop.time_passes(IN_PROGRESS_LIMIT)
    assert a_worker(shop.engine, shop.gateway)() == LookUps(looked_up=1, settled=1)
    assert shop.order(known)["status"] == "COMPLETED"
