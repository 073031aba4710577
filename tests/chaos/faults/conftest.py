"""A scene of a fault is a test in a file of its own; at the end all of them stand in one table.

The first line of its docstring says what is done to the stack. :class:`Seen` keeps what was seen. Beside each
scene a Prometheus judges the operators' alerts; a scene names those that it calls a human with.
"""

import inspect
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from devstack.ports import Ports
from tests.support.chosen_stack import chosen_stack
from tests.support.controlled_stack import ControlledStack
from tests.support.operated_stack import OperatedStack
from tests.support.prometheus import Prometheus, a_prometheus
from tests.support.waiting import wait_until

_TABLE_COLUMNS = 160


@dataclass
class Seen:
    """What clients, operators and the data saw of one fault, in a few words each."""

    fault: str
    clients: list[str] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    alerts: set[str] = field(default_factory=set)
    """Whose conditions become true, and call a human if the fault lasts (`for:` in the alert)."""
    too_brief: set[str] = field(default_factory=set)
    """Whose conditions may become true, for so short a time that nobody is called."""


_SCENES = pytest.StashKey[list[Seen]]()


IN_CONTAINERS = os.environ.get("STACK") == "compose"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In containers, the scenes that differ there: HAProxy is in front, and the engine freezes and stops."""
    if IN_CONTAINERS:
        here = [item for item in items if Path(__file__).parent in item.path.parents]
        others = [item for item in here if item.get_closest_marker("containers") is None]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session")
def _started_stack(stack_directory: Path) -> Iterator[ControlledStack | OperatedStack]:
    stack = (
        chosen_stack(stack_directory)
        if IN_CONTAINERS
        else ControlledStack(stack_directory, ports=Ports.free())
    )
    assert isinstance(stack, ControlledStack | OperatedStack)
    try:
        stack.up()
        yield stack
    finally:
        stack.clean()


@pytest.fixture
def ended_stack(stack: ControlledStack) -> Iterator[None]:
    """The stack ends with the scene: consumers would show for minutes what they have seen."""
    yield
    stack.clean()


@pytest.fixture
def prometheus(
    stack: ControlledStack | OperatedStack, server_directory: Path, unique: str
) -> Iterator[Prometheus | None]:
    """One for each scene: what an alert looks back on must not be the last scene.

    None in containers, whose processes have no ports here; what fires doesn't depend on them.
    """
    if IN_CONTAINERS:
        yield None
        return
    with a_prometheus(server_directory / f"prometheus-{unique}", stack.info()) as prometheus:
        yield prometheus


def fail_until_alerted(prometheus: Prometheus | None, failing_request: Callable[[], object]) -> None:
    """Clients go on: errors of a single moment are no rate yet."""

    def alerted() -> bool:
        failing_request()
        return prometheus is None or "ServerErrors" in prometheus.true_conditions()

    wait_until(alerted, "ServerErrors", 30)


@pytest.fixture
def seen(request: pytest.FixtureRequest, prometheus: Prometheus | None) -> Iterator[Seen]:
    scenes = request.config.stash.setdefault(_SCENES, [])
    fault = inspect.getdoc(request.function)
    assert fault is not None, "a scene says in its docstring what is done to the stack"
    scene = Seen(fault.splitlines()[0])
    scenes.append(scene)
    yield scene
    if prometheus is None:
        return
    wait_until(lambda: scene.alerts <= prometheus.true_conditions(), f"the alerts {scene.alerts}", 30)
    conditions, fired = prometheus.true_conditions(), prometheus.fired()
    others = conditions - scene.too_brief - scene.alerts
    assert not others, f"alerts of other faults: {prometheus.details(others)}"
    assert scene.alerts <= conditions
    assert fired <= scene.alerts, "alerts that nobody needs"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    scenes = config.stash.get(_SCENES, [])
    if not scenes:
        return
    table = Table("fault", "clients", "operators", "alerts", "data", show_lines=True)
    for scene in scenes:
        columns = scene.clients, scene.operators, sorted(scene.alerts), scene.data
        table.add_row(scene.fault, *map("\n".join, columns))
    text = StringIO()
    Console(file=text, width=_TABLE_COLUMNS).print(table)
    terminalreporter.write(text.getvalue())
