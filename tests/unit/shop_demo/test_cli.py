"""Bad input ends the command before anything else happens."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit


def shop_demo(**variables: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("shop-demo"))]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_fault_in_the_file_ends_with_file_line_reason_and_status_2(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,customer_id,ordered_at,product_id,quantity,unit_price\nA,7,2026-03-01,P-1,0,100\n"
    )
    ended = shop_demo(ORDERS=str(path))
    assert ended.returncode == 2
    assert f"{path}:2: quantity" in ended.stderr
    assert ended.stdout == ""


def test_a_wrong_variable_ends_with_status_2() -> None:
    ended = shop_demo(USERS="many")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "USERS=many" in ended.stderr
