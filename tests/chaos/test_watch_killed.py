"""Users watch while processes are killed: no place gets worse, and each user gets the decision."""

from contextlib import ExitStack
from itertools import pairwise
from uuid import UUID

from tests.support.controlled_stack import ControlledStack
from tests.support.shop import ShopClient
from tests.support.stack_databases import StackDatabases
from tests.support.streams import Watcher
from tests.support.waiting import wait_until

PUBLISHED, UNPUBLISHED, STOCK = 40, 40, 60
USERS = PUBLISHED + UNPUBLISHED


def test_places_never_get_worse_while_relay_worker_and_watch_are_killed(
    stack: ControlledStack, shop: ShopClient, databases: StackDatabases
) -> None:
    coupon_id = shop.create_coupon(totalQuantity=STOCK)
    assert stack.kill("coupon-worker")
    requests = [shop.press(user_id, coupon_id) for user_id in range(1, PUBLISHED + 1)]
    with ExitStack() as watching:
        wait_until(lambda: databases.unpublished("coupon") == 0, "the first half to be published")
        assert stack.kill("outbox-relay")
        requests += [shop.press(user_id, coupon_id) for user_id in range(PUBLISHED + 1, USERS + 1)]
        watchers = [
            watching.enter_context(Watcher(shop.url("coupon-watch"), UUID(one), reconnects=True))
            for one in requests[3::4]
        ]
        last = watchers[-1]
        wait_until(lambda: last.places == [USERS], "the last place")
        stack.start("coupon-worker")
        wait_until(lambda: last.places[-1] == UNPUBLISHED, "the first half to be decided")
        for name in ("coupon-watch", "coupon-worker"):
            assert stack.kill(name)
        stack.start("coupon-watch")
        wait_until(lambda: last.connections > 1, "the watchers to come back")
        stack.start("outbox-relay")
        assert stack.kill("outbox-relay")
        assert stack.kill("coupon-watch")
        for name in ("outbox-relay", "coupon-worker"):
            stack.start(name)
        shop.decided(requests[-1])
        stack.start("coupon-watch")
        decisions = [watcher.decision() for watcher in watchers]
    assert [one["requestId"] for one in decisions] == requests[3::4]
    assert decisions == [shop.decided(one) for one in requests[3::4]]
    assert sum(one["status"] == "ISSUED" for one in decisions) == len(decisions) * STOCK // USERS
    for watcher in watchers:
        known = [place for place in watcher.places if place is not None]
        assert all(later <= earlier for earlier, later in pairwise(known)), watcher.places
