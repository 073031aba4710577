"""A stack whose orders are paid at a gateway of the sandbox."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from devstack.processes import Processes, ProcessSpec
from devstack.services import SHOP, Deployment
from devstack.stack_directory import StackDirectory
from tests.integration.devstack.conftest import StackMaker

COMMAND = Path(sys.executable).with_name("devstack")
SANDBOX = Deployment(services=(), gateways=SHOP.gateways, gateway_sandbox=SHOP.gateway_sandbox)


def test_the_gateway_is_a_process_of_the_stack(make_stack: StackMaker) -> None:
    stack = make_stack(SANDBOX.paying_at("toss"))

    stack.up()

    info = stack.info()
    assert info.gateway == "toss"
    url = info.services["gateway-sandbox"].url
    account = (SHOP.gateways["toss"]["TOSS_SECRET_KEY"], "")
    refused = httpx.get(f"{url}/gateways/toss/v1/payments/no-such-key", auth=account)
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND_PAYMENT")
    stack.down()
    assert {status.name: status.exit_status for status in stack.status()} == {"gateway-sandbox": 0}


def test_down_stops_a_gateway_whatever_the_variables_say(tmp_path: Path) -> None:
    running = Processes(tmp_path / "kafka-4.3.1-toss")
    for name in ("gateway-sandbox", "order-api"):
        running.start(ProcessSpec(name, ("/bin/sleep", "600")))
    environment = {**os.environ, "DEVSTACK_DIRECTORY": str(tmp_path), "GATEWAY": "in-process"}

    subprocess.run([COMMAND, "down"], env=environment, check=True, stdout=subprocess.DEVNULL)

    assert running.running() == []
    assert StackDirectory(tmp_path).active() == []
