"""Results as a table for people."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

_MET = {True: "yes", False: "[bold red]NO[/]", None: "–"}


@dataclass(frozen=True)
class Line:
    """One result. ``met`` is None where the goal doesn't apply, or where there is none."""

    name: str
    what: str
    figures: str
    value: str
    goal: str
    met: bool | None


def goal_text(goal: float, *, at_least: bool) -> str:
    return f"{'≥' if at_least else '≤'} {goal:,}"


def print_lines(console: Console, title: str, lines: Iterable[Line], value: str = "ratio") -> None:
    """The table, then the goals that are not met in plain words."""
    lines = list(lines)
    table = Table(title=title)
    table.add_column("name", no_wrap=True)
    table.add_column("what")
    for column in ("figures", value, "goal"):
        table.add_column(column, justify="right")
    table.add_column("met")
    for line in lines:
        table.add_row(line.name, line.what, line.figures, line.value, line.goal, _MET[line.met])
    console.print(table)
    for line in lines:
        if line.met is False:
            console.print(f"goal not met: {line.name} is {line.value}, not {line.goal}")
