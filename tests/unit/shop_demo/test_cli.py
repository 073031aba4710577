"""What ends the command before anything is started or sent."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.locking import exclusive_lock
from devstack.processes import Processes, ProcessSpec

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
    ("variables", "complaint"),
    [
        ({"USERS": "many"}, "USERS=many"),
        ({"KAFKA": "2.0"}, "Kafka 2.0 is not supported"),
        ({"DEVSTACK_PORTS": "some"}, "DEVSTACK_PORTS"),
        ({"DEVSTACK_KAFKA_PORT": "none"}, "DEVSTACK_KAFKA_PORT"),
    ],
)
def test_a_wrong_variable_ends_with_status_2_and_leaves_no_former_summary(
    shop_demo: ShopDemo, summary: Path, variables: dict[str, str], complaint: str
) -> None:
    ended = shop_demo(**variables)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert complaint in ended.stderr
    assert not summary.exists()


def test_a_summary_that_cannot_be_removed_is_told(shop_demo: ShopDemo, tmp_path: Path) -> None:
    ended = shop_demo(SUMMARY=str(tmp_path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"shop-demo: SUMMARY={tmp_path}: ")


@pytest.mark.parametrize("keep", ["", "1"])
def test_a_stack_that_did_not_start_is_neither_kept_nor_taken_down(shop_demo: ShopDemo, keep: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ended = shop_demo(KEEP=keep, DEVSTACK_ORDER_API_PORT=str(other.getsockname()[1]))
    assert ended.returncode == 2
    assert "meant for order-api, is taken" in ended.stderr
    assert "stays up" not in ended.stdout
    assert "Taking" not in ended.stdout


def test_the_reason_why_an_external_stack_did_not_start_is_what_is_told(shop_demo: ShopDemo) -> None:
    ended = shop_demo(
        KEEP="1",
        STACK="external",
        EXTERNAL_POSTGRESQL_URL="postgresql://nobody@127.0.0.1:1/postgres",
        EXTERNAL_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("shop-demo: the roles and databases can't be made")


def test_another_stack_that_runs_is_told_before_anything_is_begun(
    shop_demo: ShopDemo, tmp_path: Path
) -> None:
    processes = Processes(tmp_path / "devstack" / "kafka-4.3.1")
    processes.start(ProcessSpec("coupon-api", ("/bin/sleep", "600")))
    try:
        ended = shop_demo(KAFKA="3.4.0")
        assert processes.running() == ["coupon-api"]
    finally:
        processes.kill("coupon-api")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "kafka-4.3.1 is running; stop it with `make down`" in ended.stderr


def test_a_second_demo_on_the_same_stack_is_refused(shop_demo: ShopDemo, tmp_path: Path) -> None:
    with exclusive_lock(tmp_path / "devstack" / "demo.lock"):
        ended = shop_demo()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "another demo is running" in ended.stderr
