from collections import Counter

import pytest

from shop_demo.coupon_drop import plan_presses
from shop_demo.order_load import plan_declines
from shop_demo.summary import Percentiles

pytestmark = pytest.mark.unit


def test_every_user_presses_and_a_tenth_twice() -> None:
    presses = plan_presses(users=200, seed=1, run_id="r")
    counts = Counter(press.user_id for press in presses)
    assert set(counts) == set(range(1, 201))
    assert Counter(counts.values()) == {1: 180, 2: 20}
    assert len({press.idempotency_key for press in presses}) == 220


def test_a_seed_repeats_the_order_of_presses_under_new_keys() -> None:
    first, second = (plan_presses(users=50, seed=1, run_id=run_id) for run_id in ("a", "b"))
    assert [press.user_id for press in first] == [press.user_id for press in second]
    assert not {press.idempotency_key for press in first} & {press.idempotency_key for press in second}
    assert first != plan_presses(users=50, seed=2, run_id="a")


def test_a_single_user_can_press() -> None:
    assert [press.user_id for press in plan_presses(users=1, seed=1, run_id="r")] == [1]


def test_one_order_in_fifty_is_declined_first() -> None:
    assert len(plan_declines(500, seed=1)) == 10
    assert plan_declines(500, seed=1) == plan_declines(500, seed=1)
    assert plan_declines(1, seed=1) == frozenset()


@pytest.mark.parametrize(
    ("values", "p50", "p99"),
    [([], None, None), ([7.0], 7.0, 7.0), ([float(n) for n in range(101)], 50.0, 99.0)],
)
def test_percentiles(values: list[float], p50: float | None, p99: float | None) -> None:
    assert Percentiles.of(values) == Percentiles(p50=p50, p99=p99)
