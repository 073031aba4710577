"""A press that was answered before another was sent is decided before it, whatever is killed meanwhile."""

from tests.support.controlled_stack import ControlledStack
from tests.support.crowd import Crowd
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases


def test_nobody_is_overtaken_while_relay_worker_and_api_are_killed(
    stack: ControlledStack, shop: ShopClient, databases: StackDatabases
) -> None:
    with Crowd(shop.url("coupon-api"), shop.create_coupon(totalQuantity=1_000_000)) as crowd:
        crowd.wait_for_more()
        for name in ("outbox-relay", "coupon-worker"):
            assert stack.kill(name)
            crowd.wait_for_more()
            stack.start(name)
        assert stack.kill("coupon-api")
        stack.start("coupon-api")
        crowd.wait_for_more()
    crowd.assert_nobody_was_overtaken(databases)
