"""Which stack, on which ports, the environment asks for."""

import re
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from devstack.cli import main
from devstack.compose_stack import ComposeStack
from devstack.config import Settings, read_settings
from devstack.embedded_stack import EmbeddedStack
from devstack.errors import UsageError
from devstack.free_ports import find_free_ports
from devstack.ports import Ports
from devstack.processes import Processes, ProcessSpec
from devstack.repository import ROOT
from devstack.services import SHOP
from devstack.stack_directory import StackDirectory
from devstack.stack_from_settings import running_stack, stack_to_start
from order_service.config import ApiSettings, WorkerSettings
from provider_sandbox.gateways.portone import account as portone
from provider_sandbox.gateways.toss import account as toss
from servicekit.config import read_settings as read_service_settings

DEFAULT, OLDER = "kafka-4.3.1", "kafka-3.4.0"

StackRunner = Callable[..., None]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(directory=tmp_path, ports="free", stack=None, kafka=None)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackRunner]:
    """Lets a stack run that was started with these variables."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    started: list[Processes] = []

    def run(name: str, **variables: object) -> None:
        StackDirectory(tmp_path).record_variables(name, variables)
        started.append(Processes(tmp_path / name))
        started[-1].start(ProcessSpec("coupon-api", ("/bin/sleep", "600")))

    yield run
    for processes in started:
        processes.kill("coupon-api")


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """The command line's reaction to signals ends with the test."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture
def running_ports(run: StackRunner) -> Ports:
    """The ports of a stack that runs, on the older Kafka."""
    ports = Ports.free()
    run(OLDER, **ports.variables())
    return ports


def test_the_ports_of_the_latest_start_are_not_used_again(settings: Settings, tmp_path: Path) -> None:
    StackDirectory(tmp_path).record_variables(DEFAULT, {**Ports().variables()})

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
    settings: Settings, run: StackRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = Ports.free()
    run("external", **ports.variables())
    monkeypatch.setenv("DEVSTACK_KAFKA_PORT", str(ports.kafka))
    monkeypatch.setenv("DEVSTACK_ORDER_API_PORT", "8123")

    with pytest.raises(UsageError, match=r"run `make down` before you set DEVSTACK_ORDER_API_PORT=8123$"):
        stack_to_start(settings).up()


@pytest.mark.parametrize(
    ("kind", "started_with", "asked_for", "refused"),
    [
        ("external", {"PROVIDERS": "sandbox"}, {"PROVIDERS": "solapi,nhn"}, "PROVIDERS=solapi,nhn"),
        ("external", {"PROVIDERS": "solapi,nhn"}, {"PROVIDERS": "sandbox"}, "PROVIDERS=sandbox"),
        (
            "external",
            {"EXTERNAL_POSTGRESQL_URL": "db.example:5432", "EXTERNAL_KAFKA_BOOTSTRAP_SERVERS": "broker:9092"},
            {
                "EXTERNAL_POSTGRESQL_URL": "postgresql://admin:s3cret@other.example:5432/postgres",
                "EXTERNAL_KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
            },
            "EXTERNAL_POSTGRESQL_URL=other.example:5432",
        ),
        ("compose-kafka-4.3.1", {"OFFLINE_IMAGES": False}, {"OFFLINE_IMAGES": "1"}, "OFFLINE_IMAGES=True"),
    ],
)
@pytest.mark.usefixtures("_own_signals")
def test_a_running_stack_refuses_another_configuration(
    kind: str,
    started_with: Mapping[str, object],
    asked_for: Mapping[str, str],
    refused: str,
    run: StackRunner,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    run(kind, **started_with)
    for name, value in {**asked_for, "DEVSTACK_DIRECTORY": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)

    answer = CliRunner().invoke(main, ["up"])

    assert answer.exit_code == 2
    expected = f"devstack: the stack runs with other settings; run `make down` before you set {refused}\n"
    assert answer.stderr == expected


@pytest.mark.parametrize("providers", ["sandbox", "solapi,nhn"])
def test_a_running_stack_keeps_its_providers(settings: Settings, run: StackRunner, providers: str) -> None:
    run(OLDER, PROVIDERS=providers)

    stack = stack_to_start(settings)

    assert isinstance(stack, EmbeddedStack)
    assert stack.variables["PROVIDERS"] == providers
    consumer = stack._spec_to_start("notification-consumer-1").environment  # noqa: SLF001 - as it is started
    assert ("ALIMTALK_PROVIDER" in consumer) is (providers == "solapi,nhn")


def test_a_stack_that_was_stopped_takes_other_providers(settings: Settings, tmp_path: Path) -> None:
    StackDirectory(tmp_path).record_variables(DEFAULT, {"PROVIDERS": "sandbox"})

    assert stack_to_start(settings).variables["PROVIDERS"] == "solapi,nhn"


def test_a_running_stack_takes_what_it_was_started_with(settings: Settings, run: StackRunner) -> None:
    run(OLDER, PROVIDERS="sandbox")

    same = stack_to_start(settings.model_copy(update={"providers": "sandbox", "kafka": "3.4.0"}))

    same._prepare_start()  # noqa: SLF001 - without the start


def test_containers_keep_the_images_of_their_start(settings: Settings, run: StackRunner) -> None:
    run("compose-kafka-4.3.1", OFFLINE_IMAGES=True)

    assert stack_to_start(settings).variables["OFFLINE_IMAGES"] is True


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


@pytest.mark.parametrize("gateway", ["toss", "portone"])
def test_orders_are_paid_at_the_gateway_asked_for(settings: Settings, gateway: str) -> None:
    asked = settings.model_copy(update={"gateway": gateway})
    embedded = stack_to_start(asked)
    containers = stack_to_start(asked.model_copy(update={"stack": "compose"}))

    assert isinstance(embedded, EmbeddedStack)
    assert isinstance(containers, ComposeStack)
    url = f"http://127.0.0.1:{embedded.ports.gateway_sandbox}/gateways/{gateway}"
    for name in ("order-api", "order-worker"):
        environment = embedded._spec_to_start(name).environment  # noqa: SLF001 - as it is started
        assert environment["PAYMENT_GATEWAY"] == gateway
        assert environment[f"{gateway.upper()}_URL"] == url
    command = containers.compose_command()
    assert f"{gateway.upper()}_URL=http://gateway-sandbox:8010/gateways/{gateway}" in command
    assert f"PAYMENT_GATEWAY={gateway}" in command
    assert "deploy/compose/sandbox-gateway.yml" in command
    assert any(word.startswith(f"COMPOSE_PROJECT_NAME=shop-{gateway}-") for word in command)


def test_orders_are_paid_in_process_by_default(settings: Settings) -> None:
    for stack in (
        stack_to_start(settings),
        stack_to_start(settings.model_copy(update={"gateway": "in-process"})),
    ):
        assert isinstance(stack, EmbeddedStack)
        assert stack.info_path.parent / DEFAULT == stack.collect_logs().parent
        assert stack._spec_to_start("order-api").environment["PAYMENT_GATEWAY"] == "in-process"  # noqa: SLF001 - as it is started
        assert "gateway-sandbox" not in {status.name for status in stack.status()}


@pytest.mark.parametrize("gateway", ["toss", "portone"])
@pytest.mark.usefixtures("_own_signals")
def test_external_databases_see_no_gateway(
    gateway: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They would refuse payments in-process from then on, and nobody but their owner may remove them."""
    for name, value in {
        "STACK": "external",
        "GATEWAY": gateway,
        "DEVSTACK_DIRECTORY": str(tmp_path),
        "EXTERNAL_POSTGRESQL_URL": "postgresql://admin@127.0.0.1:9/postgres",
        "EXTERNAL_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)

    answer = CliRunner().invoke(main, ["up"])

    assert answer.exit_code == 2
    assert answer.stderr == (
        "devstack: STACK=external takes no GATEWAY: it would end payments in-process there for good\n"
    )


def test_what_was_paid_at_a_gateway_has_data_of_its_own(settings: Settings) -> None:
    """In the same database, a payment in-process would be refused."""
    folders = {
        stack_to_start(settings.model_copy(update={"gateway": gateway, "kafka": kafka}))
        .collect_logs()
        .parent.name
        for gateway in (None, "toss", "portone")
        for kafka in ("4.3.1", "3.4.0")
    }

    assert folders == {
        DEFAULT,
        OLDER,
        *(f"{name}-{each}" for name in (DEFAULT, OLDER) for each in ("toss", "portone")),
    }


def test_a_running_stack_keeps_its_gateway(settings: Settings, run: StackRunner) -> None:
    run(f"{OLDER}-toss")

    stack = stack_to_start(settings)

    assert isinstance(stack, EmbeddedStack)
    assert stack._spec_to_start("order-api").environment["PAYMENT_GATEWAY"] == "toss"  # noqa: SLF001 - as it is started
    with pytest.raises(
        UsageError, match=f"the stack {OLDER}-toss is running; stop it first with `make down`"
    ):
        stack_to_start(settings.model_copy(update={"gateway": "portone"})).up()


@pytest.mark.parametrize("gateway", ["toss", "portone"])
@pytest.mark.parametrize(
    ("name", "settings_of"), [("order-api", ApiSettings), ("order-worker", WorkerSettings)]
)
def test_containers_start_with_what_the_stack_gives_them(
    gateway: str, name: str, settings_of: type[ApiSettings | WorkerSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    given = services[name]["environment"] | paying_override()["services"][name]["environment"]
    stack = {
        variable: value.format(gateway_sandbox_url="http://gateway-sandbox:8010")
        for variable, value in SHOP.gateways[gateway].items()
    }
    for variable, value in given.items():
        default = re.fullmatch(r"\$\{(\w+):-([^}]*)\}", str(value))
        monkeypatch.setenv(variable, stack.get(default[1], default[2]) if default else str(value))
    monkeypatch.setenv("DATABASE_URL", "postgresql://order@postgresql/order")

    settings = read_service_settings(settings_of)

    assert settings.payment_gateway == gateway
    assert {each.name for each in settings.gateways} == {"in-process", "toss", "portone"}


def paying_override() -> Any:
    file = ROOT / "deploy/compose/sandbox-gateway.yml"
    return yaml.safe_load(file.read_text().replace("!override", "").replace("!reset", ""))


def test_the_accounts_are_those_of_the_sandbox() -> None:
    assert SHOP.gateways["toss"]["TOSS_SECRET_KEY"] == toss.SECRET_KEY
    assert SHOP.gateways["portone"]["PORTONE_API_SECRET"] == portone.API_SECRET
    assert SHOP.gateways["portone"]["PORTONE_STORE_ID"] == portone.STORE_ID
    override = paying_override()
    for gateway, variables in SHOP.gateways.items():
        for name in {
            "TOSS_SECRET_KEY",
            "PORTONE_API_SECRET",
            "PORTONE_STORE_ID",
            "PORTONE_TEST",
        } & variables.keys():
            assert override["x-paying"][name] == f"${{{name}:-{variables[name]}}}", gateway
