"""What a stack promises of its processes: the services are stand-ins, the servers are the tests' own."""

import json
import socket
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from devstack.embedded_stack import EmbeddedStack
from devstack.errors import DevstackError, UsageError
from devstack.ports import Ports
from tests.integration.devstack.builders import a_deployment
from tests.integration.devstack.conftest import StackMaker
from tests.support.controlled_stack import ControlledExternalStack


def pids(stack: ControlledExternalStack) -> dict[str, int | None]:
    return {name: service.pid for name, service in stack.info().services.items()}


def test_up_starts_everything_and_writes_where_it_is(stack: ControlledExternalStack) -> None:
    assert stack.up()

    written = json.loads(stack.info_path.read_text())
    assert written["kind"] == "external"
    assert written["postgresql"]["version"].startswith("18.")
    assert set(written["postgresql"]["databases"]) == {"coupon", "order", "notification"}
    for service in written["services"].values():
        assert httpx.get(service["url"], trust_env=False).status_code == 200
        assert psutil.pid_exists(service["pid"])


def test_up_twice_starts_nothing_the_second_time(stack: ControlledExternalStack) -> None:
    stack.up()
    first = pids(stack)

    assert not stack.up()

    assert pids(stack) == first


def test_up_on_a_half_dead_stack_starts_only_what_is_missing(stack: ControlledExternalStack) -> None:
    stack.up()
    before = pids(stack)
    stack.kill("order-api")

    assert stack.up()

    after = pids(stack)
    assert after["coupon-api"] == before["coupon-api"]
    assert after["order-api"] not in (None, before["order-api"])


def test_two_ups_at_the_same_time_start_one_stack(make_stack: StackMaker) -> None:
    started: list[bool] = []
    ups = [threading.Thread(target=lambda: started.append(make_stack().up())) for _ in range(2)]

    for up in ups:
        up.start()
    for up in ups:
        up.join()

    assert sorted(started) == [False, True]


def test_down_stops_everything_and_down_again_is_fine(stack: ControlledExternalStack) -> None:
    stack.up()

    stack.down()
    stack.down()

    assert [status.state for status in stack.status()] == ["stopped", "stopped"]
    assert not stack.info_path.exists()


def test_another_object_finds_the_ports_of_the_latest_start(make_stack: StackMaker) -> None:
    stack = make_stack()
    stack.up()
    before = {name: service.url for name, service in stack.info().services.items()}
    stack.down()

    again = make_stack(ports=None)
    again.up()

    assert {name: service.url for name, service in again.info().services.items()} == before


def test_running_processes_keep_their_ports(make_stack: StackMaker) -> None:
    stack = make_stack()
    stack.up()

    assert make_stack(ports=Ports.free()).info() == stack.info()


def test_one_missing_process_is_started_by_name(stack: ControlledExternalStack) -> None:
    stack.up()
    before = pids(stack)
    stack.kill("coupon-api")
    stack.kill("order-api")

    stack.start("order-api")

    after = pids(stack)
    assert after["coupon-api"] is None
    assert after["order-api"] not in (None, before["order-api"])


def test_a_port_taken_while_the_stack_runs_is_reported(make_stack: StackMaker) -> None:
    stack = make_stack()
    stack.up()
    stack.kill("order-api")

    with (
        socket.create_server(("127.0.0.1", stack.ports.order_api)),
        pytest.raises(UsageError, match="run `make down` and set DEVSTACK_ORDER_API_PORT to a free port"),
    ):
        stack.up()


def test_a_taken_port_is_reported_before_anything_is_started(make_stack: StackMaker) -> None:
    stack = make_stack()
    port = stack.ports.order_api
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(
            UsageError, match=f"port {port} of order-api is in use .* or set DEVSTACK_ORDER_API_PORT to a"
        ):
            stack.up()

        assert pids(stack) == {"coupon-api": None, "order-api": None}


def test_what_was_started_with_a_dying_process_is_stopped(make_stack: StackMaker) -> None:
    stack = make_stack(a_deployment(order_api={"DIE_AT_START": "1"}))

    with pytest.raises(DevstackError, match=r"order-api failed to start(.|\n)*dies as it was asked to"):
        stack.up()

    assert pids(stack) == {"coupon-api": None, "order-api": None}
    assert stack.status()[1].exit_status == 3


def test_a_failed_up_leaves_running_what_ran_before(make_stack: StackMaker) -> None:
    stack = make_stack()
    stack.up()
    before = pids(stack)
    stack.stop("order-api")

    with pytest.raises(DevstackError, match="order-api failed to start"):
        make_stack(a_deployment(order_api={"DIE_AT_START": "1"})).up()

    assert pids(stack) == {**before, "order-api": None}


def test_stop_returns_the_exit_status(make_stack: StackMaker) -> None:
    stack = make_stack(a_deployment(order_api={"IGNORE_SIGTERM": "1"}))
    stack.up()

    assert stack.stop("coupon-api") == 0
    assert stack.stop("order-api", timeout_seconds=0.2) == -9


def test_another_object_on_the_same_directory_controls_the_processes(make_stack: StackMaker) -> None:
    make_stack().up()

    assert make_stack().stop("coupon-api") == 0


def test_a_process_is_frozen_and_goes_on(stack: ControlledExternalStack) -> None:
    stack.up()

    stack.pause("order-api")
    assert stack.status()[1].state == "frozen"

    stack.resume("order-api")
    assert stack.status()[1].state == "ready"


def test_a_second_kind_of_stack_is_refused_while_one_runs(
    stack: ControlledExternalStack, tmp_path: Path
) -> None:
    stack.up()

    with pytest.raises(UsageError, match="external is running; stop it first with `make down`"):
        EmbeddedStack(tmp_path, ports=Ports.free()).up()


def test_clean_removes_what_the_stack_has_kept(stack: ControlledExternalStack, tmp_path: Path) -> None:
    stack.up()

    stack.clean()

    assert not (tmp_path / "external").exists()
