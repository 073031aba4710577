"""A stack that is used by many while something is done to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.demo import DemoProcess, assert_nothing_lost_or_doubled
from tests.support.effects import assert_each_effect_once
from tests.support.external_services import ExternalServices
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.steady_load import SteadyLoad
from tests.support.waiting import wait_until

_COUPONS = "SELECT count(*) FROM coupon"


@contextmanager
def under_load(
    shop: ShopClient,
    databases: StackDatabases,
    external_services: ExternalServices,
    directory: Path,
    scratch: Path,
    stock: int = 100,
) -> Iterator[SteadyLoad]:
    """The demo and steady customers while the block lasts; at its end every number must add up.

    The demo's load may be done before that. The customers' presses go on until ``stock`` is gone.
    """
    coupons = databases.number("coupon", _COUPONS)
    with (
        SteadyLoad(shop, stock) as load,
        DemoProcess(directory, scratch, seed=3, users=600, stock=200, limit=150) as demo,
    ):
        wait_until(lambda: load.order_ids, "the first order")
        # Beside the customers' coupon there is the demo's: it has found all of the stack running.
        try:
            wait_until(lambda: databases.number("coupon", _COUPONS) >= coupons + 2, "the demo's coupon", 60)
        except AssertionError as error:
            raise AssertionError(demo.output) from error
        yield load
        summary = demo.finish()
    assert_nothing_lost_or_doubled(summary)
    load.check()
    assert_each_effect_once(databases, external_services)
