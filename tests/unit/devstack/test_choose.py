"""Which ports a stack is given, from the environment and from what it had the last time."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import choose
from devstack.config import Settings
from devstack.free_ports import find_free_ports
from devstack.ports import Ports
from devstack.processes import Processes, ProcessSpec
from devstack.stack_directory import StackDirectory

NAME = "kafka-4.3.1"
DRAWN_FROM = "devstack.free_ports._RANGE"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(directory=tmp_path, ports="free")


@pytest.fixture
def remembered(tmp_path: Path) -> Ports:
    """The ports of the last time; nothing runs on them now."""
    ports = Ports.free()
    StackDirectory(tmp_path).remember_ports(NAME, ports)
    return ports


@pytest.fixture
def order_api_taken(remembered: Ports) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", remembered.order_api)):
        yield


@pytest.mark.usefixtures("order_api_taken")
def test_of_the_free_ports_of_the_last_time_only_a_taken_one_is_drawn_again(
    settings: Settings, remembered: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    (other,) = find_free_ports(1, excluded=remembered.model_dump().values())
    monkeypatch.setattr(DRAWN_FROM, [*remembered.model_dump().values(), other])

    assert choose.embedded_stack(settings).ports == remembered.changed({"order_api": other})


@pytest.mark.usefixtures("order_api_taken")
def test_nothing_is_drawn_again_while_anything_runs(
    settings: Settings, remembered: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DRAWN_FROM, list(remembered.model_dump().values()))
    processes = Processes(tmp_path / NAME)
    processes.start(ProcessSpec("coupon-api", ("/bin/sleep", "600")))
    try:
        assert choose.embedded_stack(settings).ports == remembered
    finally:
        processes.kill("coupon-api")


def test_what_is_asked_for_by_name_is_drawn_for_nobody_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = find_free_ports(len(Ports.model_fields))
    monkeypatch.setattr(DRAWN_FROM, few)
    monkeypatch.setenv("DEVSTACK_ORDER_API_PORT", str(few[0]))

    ports = choose.embedded_stack(settings).ports

    assert ports.order_api == few[0]
    assert sorted(ports.model_dump().values()) == sorted(few)
