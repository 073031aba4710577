"""What every container of the stack must be, and that its data outlive it."""

import psutil

from devstack.compose_project import project_containers, service_of
from devstack.compose_stack import ComposeStack
from tests.support.shop import ShopClient

SERVERS = {"postgresql", "kafka", "zookeeper"}


def test_every_container_is_healthy_and_none_is_root(stack: ComposeStack) -> None:
    statuses = stack.status()
    assert len(statuses) >= 13
    assert {it.name: it.state for it in statuses if it.state != "ready"} == {}
    users = {it.name: psutil.Process(it.pid).uids() for it in statuses if it.pid is not None}
    assert len(users) == len(statuses)
    assert [name for name, uids in users.items() if 0 in uids] == []


def test_every_process_of_ours_is_confined(stack: ComposeStack) -> None:
    containers = [it for it in project_containers(stack.project_name) if service_of(it) not in SERVERS]
    for container in containers:
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"], container.name
        assert host["CapDrop"] == ["ALL"], container.name
        assert "no-new-privileges:true" in host["SecurityOpt"], container.name
        assert host["Memory"] > 0, container.name


def test_ports_are_published_on_the_loopback_address_only(stack: ComposeStack) -> None:
    published = [
        binding["HostIp"]
        for container in project_containers(stack.project_name)
        for bindings in container.attrs["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    ]
    assert set(published) == {"127.0.0.1"}


def test_what_was_stored_is_there_after_down_and_up(stack: ComposeStack, shop: ShopClient) -> None:
    coupon_id = shop.create_coupon(totalQuantity=1)
    assert shop.decided(shop.press(1, coupon_id))["status"] == "ISSUED"
    assert stack.down()
    assert stack.up()
    coupon = shop.get("coupon-api", f"/api/v1/coupons/{coupon_id}").json()
    assert (coupon["issuedQuantity"], coupon["status"]) == (1, "SOLD_OUT")
    assert shop.decided(shop.press(2, coupon_id))["reason"] == "SOLD_OUT"
