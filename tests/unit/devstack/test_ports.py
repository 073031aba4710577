import multiprocessing

import pytest
from pydantic import ValidationError

from devstack.config import chosen_ports, read_settings
from devstack.errors import UsageError
from devstack.free_ports import find_free_ports, is_free
from devstack.ports import Ports, variable


def test_the_default_ports_are_the_documented_ones() -> None:
    ports = Ports()

    apis = ("coupon-api", "order-api", "notification-api", "outbox-relay", "provider-sandbox")
    assert [ports.of(name) for name in apis] == [8001, 8002, 8003, 8004, 8010]
    assert (ports.postgresql, ports.kafka, ports.zookeeper) == (15432, 9092, 2181)


def test_free_ports_are_all_different() -> None:
    ports = list(Ports.free().model_dump().values())

    assert len(set(ports)) == len(ports)


def test_no_port_is_drawn_that_is_meant_for_something_else() -> None:
    taken_before = find_free_ports(3)

    ports = Ports.free({"DEVSTACK_KAFKA_PORT": taken_before[0]})

    assert ports.kafka == taken_before[0]
    assert not set(find_free_ports(50, excluded=taken_before)) & set(taken_before)


def test_free_ports_lie_below_those_of_outgoing_connections() -> None:
    assert all(port < 32768 for port in find_free_ports(20))


def test_a_port_is_found_by_the_name_of_its_process() -> None:
    assert Ports().of("notification-consumer-2") == 8013


def test_every_process_has_a_variable_of_its_own() -> None:
    assert variable("coupon-api") == "DEVSTACK_COUPON_API_PORT"
    assert len({variable(field) for field in Ports.model_fields}) == len(Ports.model_fields)


def test_recorded_ports_are_found_among_other_variables() -> None:
    ports = Ports(kafka=19092, order_api=8123)

    assert Ports.model_validate({"PROVIDERS": "sandbox", **ports.variables()}) == ports


def test_two_processes_may_not_share_a_port() -> None:
    with pytest.raises(ValidationError, match="DEVSTACK_ORDER_API_PORT=8001"):
        Ports(order_api=8001)


def test_two_processes_that_share_a_port_are_reported_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"^two processes can't share a port: .*ORDER_API_PORT=8001"):
        Ports.default_but({"DEVSTACK_ORDER_API_PORT": 8001})


def test_variables_change_only_their_own_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVSTACK_KAFKA_PORT", "19092")

    ports = Ports.default_but(chosen_ports())

    assert ports == Ports(kafka=19092)


def test_all_malformed_ports_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVSTACK_KAFKA_PORT", "many")
    monkeypatch.setenv("DEVSTACK_COUPON_API_PORT", "70000")

    with pytest.raises(
        UsageError, match=r"DEVSTACK_COUPON_API_PORT: .*65535; DEVSTACK_KAFKA_PORT: .*integer"
    ):
        chosen_ports()


def test_malformed_settings_name_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVSTACK_PORTS", "some")
    monkeypatch.setenv("STACK", "moon")

    with pytest.raises(UsageError, match=r"DEVSTACK_PORTS: .*; STACK: "):
        read_settings()


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVSTACK_PORTS", "")
    monkeypatch.setenv("DEVSTACK_KAFKA_PORT", "")

    assert read_settings().ports == "default"
    assert chosen_ports() == {}


def test_a_port_found_free_can_be_taken() -> None:
    (port,) = find_free_ports(1)

    assert is_free(port)


def test_processes_get_different_ports() -> None:
    own = find_free_ports(1_000)

    with multiprocessing.get_context("fork").Pool(1) as pool:
        of_another = pool.apply(find_free_ports, (1_000,))

    assert not set(own) & set(of_another)
