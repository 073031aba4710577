"""What ends the command before anything is sent."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.locking import exclusive_lock

pytestmark = pytest.mark.unit

ShopDemo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    """The summary of an earlier run."""
    path = tmp_path / "summary.json"
    path.write_text('{"ok": true}')
    return path


@pytest.fixture
def shop_demo(tmp_path: Path, summary: Path) -> ShopDemo:
    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("shop-demo"))]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "DEVSTACK_DIRECTORY": str(tmp_path / "devstack"),
            "DEVSTACK_PORTS": "free",
            "SUMMARY": str(summary),
            **variables,
        }
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_a_fault_in_the_file_ends_with_file_line_reason_and_status_2(
    shop_demo: ShopDemo, tmp_path: Path, summary: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,customer_id,ordered_at,product_id,quantity,unit_price\nA,7,2026-03-01,P-1,0,100\n"
    )
    ended = shop_demo(ORDERS=str(path))
    assert ended.returncode == 2
    assert f"{path}:2: quantity" in ended.stderr
    assert ended.stdout == ""
    assert not summary.exists()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"USERS": "many"}, "USERS=many"),
        ({"DEVSTACK_PORTS": "some"}, "DEVSTACK_PORTS"),
    ],
)
def test_a_wrong_variable_ends_with_status_2_and_no_summary(
    shop_demo: ShopDemo, summary: Path, variables: dict[str, str], message: str
) -> None:
    ended = shop_demo(**variables)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert message in ended.stderr
    assert not summary.exists()


def test_a_summary_that_cannot_be_removed_is_reported(shop_demo: ShopDemo, tmp_path: Path) -> None:
    ended = shop_demo(SUMMARY=str(tmp_path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"shop-demo: the former summary can't be removed: SUMMARY={tmp_path}: ")


def test_without_a_running_stack_nothing_is_sent(shop_demo: ShopDemo, summary: Path) -> None:
    ended = shop_demo()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "shop-demo: no stack is running; start one with `make up`\n"
    assert not summary.exists()


def test_a_second_demo_on_the_same_stack_is_refused(shop_demo: ShopDemo, tmp_path: Path) -> None:
    with exclusive_lock(tmp_path / "devstack" / "demo.lock"):
        ended = shop_demo()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "another demo is running" in ended.stderr
