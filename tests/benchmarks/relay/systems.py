"""What is measured: processes that move events from the outbox to Kafka."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from devstack import repository
from devstack.config import base_environment
from devstack.free_ports import find_free_ports
from devstack.jars import resolve_class_path
from tests.benchmarks.relay.world import World
from tests.support.debezium import COORDINATES, a_debezium, prepare_outbox

Process = subprocess.Popen[bytes]

RELAY = repository.ROOT / "build" / "benchmarks" / "outbox-relay" / "bin" / "outbox-relay"
"""Installed there by ``make bench-relay``, without what the tests and the demo need."""

_STOP_SECONDS = 15
_LOG_END_CHARACTERS = 2_000


@dataclass(frozen=True)
class System:
    """``prepare`` comes before the events are written; ``run`` starts the processes, and ends them."""

    prepare: Callable[[World], None]
    run: Callable[[World], AbstractContextManager[list[Process]]]


@contextmanager
def _relays(world: World, count: int) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        yield [stack.enter_context(_relay(world, port)) for port in find_free_ports(count)]


@contextmanager
def _relay(world: World, port: int) -> Iterator[Process]:
    environment = {
        **base_environment(),
        "HTTP_PORT": str(port),
        "KAFKA_BOOTSTRAP_SERVERS": world.bootstrap_servers,
        "SOURCES__BENCHMARK__DATABASE_URL": world.outbox.relay_url,
    }
    log = world.directory / f"relay-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([RELAY, "run"], env=environment, stdout=output, stderr=output)
    try:
        with _log_quoted(log):
            yield process
        process.terminate()
        process.wait(_STOP_SECONDS)
    finally:
        process.kill()
        process.wait()


@contextmanager
def _debezium(world: World, **settings: str) -> Iterator[list[Process]]:
    # The router is the only transformation, so there are fewer headers than the relay writes.
    with (
        a_debezium(
            world.directory / "debezium", world.bootstrap_servers, world.administrator_url,
            constant_headers=False, **settings,
        ) as debezium,
        _log_quoted(debezium.log),
    ):  # fmt: skip
        yield [debezium.process]


@contextmanager
def _log_quoted(log: Path) -> Iterator[None]:
    """The end of the log goes with what is raised: the file itself will be gone."""
    try:
        yield
    except OSError as error:
        error.add_note(log.read_text(errors="replace")[-_LOG_END_CHARACTERS:])
        raise


def _prepare_debezium(world: World, *, slot: bool) -> None:
    # Here, so that no download is ever measured.
    resolve_class_path(COORDINATES)
    prepare_outbox(world.administrator_url, slot=slot)


def _nothing(_world: World) -> None:
    pass


OURS = System(prepare=_nothing, run=partial(_relays, count=1))
TWO_OF_OURS = System(prepare=_nothing, run=partial(_relays, count=2))
DEBEZIUM = {
    "slot": System(prepare=partial(_prepare_debezium, slot=True), run=_debezium),
    "snapshot": System(
        prepare=partial(_prepare_debezium, slot=False), run=partial(_debezium, snapshot__mode="initial")
    ),
}
"""By how it comes to a backlog: from the log, as after an absence, or from the table, as the first time."""
