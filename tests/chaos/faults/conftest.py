"""A scene of a fault is a test in a file of its own; at the end all of them stand in one table.

The first line of its docstring says what is done to the stack. :class:`Seen` keeps what was seen.
"""

import inspect
from dataclasses import dataclass, field
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

_TABLE_COLUMNS = 160


@dataclass
class Seen:
    """What clients, operators and the data saw of one fault, in a few words each."""

    fault: str
    clients: list[str] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)


_SCENES = pytest.StashKey[list[Seen]]()


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Seen:
    scenes = request.config.stash.setdefault(_SCENES, [])
    fault = inspect.getdoc(request.function)
    assert fault is not None, "a scene says in its docstring what is done to the stack"
    scenes.append(Seen(fault.splitlines()[0]))
    return scenes[-1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    scenes = config.stash.get(_SCENES, [])
    if not scenes:
        return
    table = Table("fault", "clients", "operators", "data", show_lines=True)
    for scene in scenes:
        table.add_row(scene.fault, *map("\n".join, (scene.clients, scene.operators, scene.data)))
    text = StringIO()
    Console(file=text, width=_TABLE_COLUMNS).print(table)
    terminalreporter.write(text.getvalue())
