"""Paid orders that met another order's mere reservation use their coupons once that has ended unused."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from coupon_service.application.count_differences import CountDifferences
from coupon_service.application.settle_difference import SettleDifference, SettleDifferenceCommand
from coupon_service.application.use_freed_coupons import UseFreedCoupons
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from coupon_service.schedule import DifferencesThread
from servicekit.identifiers import uuid7
from servicekit.lifecycle import StopSignal
from tests.integration.coupon_service.lives import (
    WHY,
    act,
    confirm,
    issued,
    let_pass,
    refused,
    release,
    reserve,
    succeed,
    user_coupon_of,
)
from tests.integration.coupon_service.order_events import (
    cancel,
    complete,
    differences,
    order_cancelled,
    order_completed,
)
from tests.integration.coupon_service.service import an_engine, rows

End = Callable[[FlaskClient, Engine, int, UUID], None]


def held_by_another(client: FlaskClient, engine: Engine, discount: int = 5_000) -> tuple[int, UUID, UUID]:
    """A user coupon, the paid order that could not use it, and the order that has reserved it."""
    held, paid, other = issued(client, engine, validForHours=1), uuid7(), uuid7()
    succeed(reserve(client, held, other))
    complete(engine, order_completed(paid, held, discount=discount))
    assert differences(engine)[paid] == "HELD_BY_ANOTHER_ORDER"
    return held, paid, other


def use_freed(engine: Engine) -> int:
    return UseFreedCoupons(lambda: CouponUnitOfWork(engine, "group"))()


def status(client: FlaskClient, held: int) -> tuple[str, str | None]:
    """With the order that holds or has used it."""
    found = user_coupon_of(client, held)
    reservation = found.get("reservation")
    return found["status"], None if reservation is None else reservation["orderId"]


def _release(client: FlaskClient, engine: Engine, held: int, other: UUID) -> None:
    succeed(release(client, held, other))


def _lapse(client: FlaskClient, engine: Engine, held: int, other: UUID) -> None:
    let_pass(engine, held, "reserved_until")


def _expire(client: FlaskClient, engine: Engine, held: int, other: UUID) -> None:
    _lapse(client, engine, held, other)
    let_pass(engine, held, "expires_at")


def _confirm(client: FlaskClient, engine: Engine, held: int, other: UUID) -> None:
    succeed(confirm(client, held, other))


def _revoke(client: FlaskClient, engine: Engine, held: int, other: UUID) -> None:
    succeed(act(client, held, "revoke", **WHY))


def _give_back(client: FlaskClient, engine: Engine, held: int, other: UUID) -> None:
    _release(client, engine, held, other)
    succeed(act(client, held, "give-back", userId=7))


@pytest.mark.parametrize("end", [_release, _lapse, _expire])
def test_an_order_uses_its_coupon_after_anothers_reservation(
    client: FlaskClient, engine: Engine, end: End
) -> None:
    held, paid, other = held_by_another(client, engine)
    assert use_freed(engine) == 0
    assert status(client, held) == ("RESERVED", str(other))

    end(client, engine, held, other)
    assert (use_freed(engine), use_freed(engine)) == (1, 0)

    assert status(client, held) == ("USED", str(paid))
    assert user_coupon_of(client, held)["reservation"]["orderAmount"] == 20_000
    assert refused(reserve(client, held, uuid7()))[0] == 409
    assert differences(engine) == {}
    [row] = rows(engine, "SELECT settled_by, settled_reason FROM order_difference")
    assert tuple(row) == ("coupon-service", "the other order did not use it")


@pytest.mark.parametrize(
    ("end", "reason"),
    [(_confirm, "USED_BY_ANOTHER_ORDER"), (_revoke, "REVOKED"), (_give_back, "GIVEN_BACK")],
)
def test_what_keeps_a_coupon_from_its_order_for_good_is_shown(
    client: FlaskClient, engine: Engine, end: End, reason: str
) -> None:
    held, paid, other = held_by_another(client, engine)
    end(client, engine, held, other)
    before = status(client, held)

    assert use_freed(engine) == 0

    assert differences(engine) == {paid: reason}
    assert status(client, held) == before


def test_a_coupon_of_another_amount_is_used_and_stays_reported(client: FlaskClient, engine: Engine) -> None:
    held, paid, other = held_by_another(client, engine, discount=4_000)
    _release(client, engine, held, other)

    assert use_freed(engine) == 1

    assert status(client, held) == ("USED", str(paid))
    assert differences(engine) == {paid: "ANOTHER_AMOUNT"}


def test_of_two_orders_that_wait_the_first_uses_the_coupon(client: FlaskClient, engine: Engine) -> None:
    held, first, other = held_by_another(client, engine)
    second = uuid7()
    complete(engine, order_completed(second, held))
    _release(client, engine, held, other)

    assert use_freed(engine) == 1

    assert status(client, held) == ("USED", str(first))
    assert differences(engine) == {second: "USED_BY_ANOTHER_ORDER"}


def test_a_cancelled_or_settled_order_uses_no_freed_coupon(client: FlaskClient, engine: Engine) -> None:
    held, cancelled, other = held_by_another(client, engine)
    cancel(engine, order_cancelled(cancelled, held))
    borne, paid, another = held_by_another(client, engine)
    settling = SettleDifferenceCommand(paid, "kim", "the shop bears it")
    SettleDifference(lambda: CouponUnitOfWork(engine, "group"))(settling)
    _release(client, engine, held, other)
    _release(client, engine, borne, another)

    assert use_freed(engine) == 0

    assert status(client, held) == status(client, borne) == ("ISSUED", None)


@pytest.mark.parametrize("table", ["coupon_order", "order_difference"])
def test_an_order_that_is_changed_right_now_is_left_alone(
    client: FlaskClient, engine: Engine, table: str
) -> None:
    held, paid, other = held_by_another(client, engine)
    _release(client, engine, held, other)

    with engine.begin() as connection:
        connection.execute(text(f"SELECT FROM {table} FOR UPDATE"))
        assert use_freed(engine) == 0

    assert use_freed(engine) == 1
    assert status(client, held) == ("USED", str(paid))


class OnePass(StopSignal):
    """Set at the first pause."""

    def wait(self, timeout_seconds: float | None = None) -> bool:
        self.set()
        return True


@pytest.mark.parametrize("is_possible", [True, False], ids=["uses", "cannot use"])
def test_the_worker_uses_freed_coupons_and_counts_what_is_left(
    client: FlaskClient, engine: Engine, is_possible: bool
) -> None:
    held_by_another(client, engine)
    held, paid, other = issued(client, engine), uuid7(), uuid7()
    succeed(reserve(client, held, other))
    complete(engine, order_completed(paid, held))
    _release(client, engine, held, other)
    # Nothing listens there.
    used = engine if is_possible else an_engine("postgresql://nobody@127.0.0.1:1/none")
    use_freed_coupons = UseFreedCoupons(lambda: CouponUnitOfWork(used, "group"))
    count = CountDifferences(lambda: CouponUnitOfWork(engine, "group"))

    DifferencesThread(use_freed_coupons, count, OnePass()).run()

    left = 1 if is_possible else 2
    assert REGISTRY.get_sample_value("coupon_order_differences") == len(differences(engine)) == left
    assert status(client, held) == (("USED", str(paid)) if is_possible else ("ISSUED", None))
