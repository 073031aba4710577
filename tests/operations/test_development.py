"""With deploy/compose/development.yml a change of the sources is live without anybody's doing."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile, copytree, ignore_patterns

import pytest

from devstack.compose_project import project_containers, service_of
from devstack.compose_stack import ComposeStack
from devstack.repository import ROOT
from tests.support.compose_commands import compose
from tests.support.shop import ShopClient
from tests.support.waiting import wait_until

RELOADED = ("coupon-api", "coupon-worker")
START = ("up", "--detach", "--no-deps", "--wait")


@pytest.fixture
def sources(stack: ComposeStack, tmp_path: Path) -> Iterator[Path]:
    """A copy of the checkout that two processes of the stack, one of each kind, run from."""
    for name in ("shared", "coupon-service"):
        copytree(ROOT / name, tmp_path / name, ignore=ignore_patterns("__pycache__", "*.egg-info"))
    (tmp_path / "deploy").mkdir()
    for name in ("constraints.txt", "deploy/Dockerfile"):
        copyfile(ROOT / name, tmp_path / name)
    options = ["--project-directory", str(tmp_path), "--file", "deploy/compose/development.yml"]
    try:
        compose(stack, options, *START, "--build", *RELOADED)
        yield tmp_path
    finally:
        compose(stack, [], *START, *RELOADED)


def change(file: Path, former: str, new: str) -> None:
    text = file.read_text()
    assert text.count(former) == 1
    file.write_text(text.replace(former, new))


def test_a_change_is_live_in_an_api_and_in_a_worker(
    stack: ComposeStack, shop: ShopClient, sources: Path
) -> None:
    package = sources / "coupon-service" / "src" / "coupon_service"
    coupon_id = shop.create_coupon()
    path = f"/api/v1/users/1/coupons/{coupon_id}/issue"

    change(package / "http" / "replies.py", "요청 접수됨", "바뀐 답")
    wait_until(lambda: shop.post("coupon-api", path).json()["message"] == "바뀐 답", "the changed answer")

    change(
        package / "messaging" / "incoming_coupon_publish_requested.py",
        "coupon_requests_decided",
        "changed_event",
    )
    (worker,) = [
        container
        for container in project_containers(stack.project_name)
        if service_of(container) == "coupon-worker"
    ]

    def changed() -> bool:
        # Of a new coupon each time: one that is sold out is refused without the worker.
        shop.decided(shop.press(2, shop.create_coupon()))
        return b"changed_event" in worker.logs()

    wait_until(changed, "the changed worker's line")
