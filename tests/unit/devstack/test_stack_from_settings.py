"""Which stack, on which ports, the environment asks for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.compose_stack import ComposeStack
from devstack.config import Settings, read_settings
from devstack.embedded_stack import EmbeddedStack
from devstack.errors import UsageError
from devstack.free_ports import find_free_ports
from devstack.ports import Ports
from devstack.processes import Processes, ProcessSpec
from devstack.stack_directory import StackDirectory
from devstack.stack_from_settings import running_stack, stack_to_start

DEFAULT, OLDER = "kafka-4.3.1", "kafka-3.4.0"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(directory=tmp_path, ports="free", stack=None, kafka=None)


@pytest.fixture
def running_ports(tmp_path: Path) -> Iterator[Ports]:
    """The ports of a stack that runs, on the older Kafka."""
    ports = Ports.free()
    StackDirectory(tmp_path).record_ports(OLDER, ports)
    processes = Processes(tmp_path / OLDER)
    processes.start(ProcessSpec("coupon-api", ("/bin/sleep", "600")))
    yield ports
    processes.kill("coupon-api")


def test_the_ports_of_the_latest_start_are_not_used_again(settings: Settings, tmp_path: Path) -> None:
    StackDirectory(tmp_path).record_ports(DEFAULT, Ports())

    assert stack_to_start(settings).ports != Ports()


def test_a_chosen_port_is_drawn_for_no_other_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = find_free_ports(len(Ports.model_fields))
    monkeypatch.setattr("devstack.free_ports._RANGE", few)
    monkeypatch.setenv("DEVSTACK_ORDER_API_PORT", str(few[0]))

    ports = stack_to_start(settings).ports

    assert ports.order_api == few[0]
    assert sorted(ports.model_dump().values()) == sorted(few)


def test_without_a_wish_the_running_stack_is_used(settings: Settings, running_ports: Ports) -> None:
    assert stack_to_start(settings).ports == running_ports


def test_a_running_stack_is_not_moved_to_another_port(
    settings: Settings, running_ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVSTACK_KAFKA_PORT", str(running_ports.kafka))
    monkeypatch.setenv("DEVSTACK_ORDER_API_PORT", "8123")

    with pytest.raises(UsageError, match=r"run `make down` before you set DEVSTACK_ORDER_API_PORT=8123$"):
        stack_to_start(settings)


def test_a_stack_that_does_not_run_is_reported(settings: Settings) -> None:
    with pytest.raises(UsageError, match="no stack is running; start one with `make up`"):
        running_stack(settings)


def test_an_unsupported_version_is_refused(settings: Settings) -> None:
    with pytest.raises(UsageError, match=r"KAFKA=2\.0 is not supported"):
        stack_to_start(settings.model_copy(update={"kafka": "2.0"}))


def test_external_servers_need_their_addresses(settings: Settings) -> None:
    stack = stack_to_start(settings.model_copy(update={"stack": "external"}))

    with pytest.raises(UsageError, match="set EXTERNAL_POSTGRESQL_URL and EXTERNAL_KAFKA_BOOTSTRAP_SERVERS"):
        stack.up()


@pytest.mark.parametrize(("providers", "is_sent_by_solapi"), [("solapi,nhn", True), ("sandbox", False)])
def test_alimtalk_is_sent_by_the_providers_asked_for(
    settings: Settings, providers: str, is_sent_by_solapi: bool
) -> None:
    asked = settings.model_copy(update={"providers": providers})
    embedded = stack_to_start(asked)
    containers = stack_to_start(asked.model_copy(update={"stack": "compose"}))

    assert isinstance(embedded, EmbeddedStack)
    assert isinstance(containers, ComposeStack)
    consumer = embedded._spec_to_start("notification-consumer-1").environment  # noqa: SLF001 - as it is started
    assert (consumer.get("ALIMTALK_PROVIDER") == "solapi") is is_sent_by_solapi
    command = containers.compose_command()
    assert ("ALIMTALK_PROVIDER=solapi" in command) is is_sent_by_solapi
    assert ("SOLAPI_URL=http://provider-sandbox:8010/providers/solapi" in command) is is_sent_by_solapi


def test_two_providers_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDERS", "")

    assert read_settings().providers == "solapi,nhn"


def test_other_providers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDERS", "aligo")

    with pytest.raises(UsageError, match="PROVIDERS"):
        read_settings()
