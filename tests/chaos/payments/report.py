"""The matrix for people, and its cells for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.payments.cells import Result

_SIGNS = {"paid": "P", "not charged": "-", "refund due": "D", "refunded": "R"}
_LEGEND = "P paid, - not charged, R refunded, D refund due, X wrong, ? not tried"


def matrix(results: Sequence[Result]) -> str:
    """A line a boundary, a column a behaviour; two signs where boundaries of one name end differently."""
    columns = list(dict.fromkeys((each.cell.gateway, each.cell.behaviour) for each in results))
    rows: dict[str, dict[tuple[str, str], set[str]]] = {}
    for each in results:
        row = rows.setdefault(each.cell.boundary, {})
        row.setdefault((each.cell.gateway, each.cell.behaviour), set()).add(_sign(each))
    width = max(map(len, rows))
    lines = [f"{number:2}  {': '.join(column)}" for number, column in enumerate(columns, 1)]
    lines += [
        "",
        _LEGEND,
        "",
        " ".join([" " * width, *(f"{number + 1:2}" for number in range(len(columns)))]),
    ]
    for boundary, row in rows.items():
        signs = ("".join(sorted(row.get(column, ())))[-2:] for column in columns)
        lines.append(" ".join([f"{boundary:{width}}", *(f"{sign:>2}" for sign in signs)]).rstrip())
    return "\n".join(lines)


def complaints(results: Sequence[Result]) -> list[str]:
    """A line for each cell that isn't right."""
    said = []
    for each in results:
        if each.failure is not None or each.is_wrong:
            place = f"{each.cell.gateway}: {each.cell.behaviour}: {each.cell.number} {each.cell.boundary}"
            wrong = "; ".join(each.verdict.wrong if each.verdict else ())
            said.append(f"WRONG: {place}: {wrong}" if wrong else f"NOT TRIED: {place}: {each.failure}")
    return said


def write(directory: Path, results: Sequence[Result], text: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "matrix.txt").write_text(f"{text}\n")
    cells = [asdict(each.cell) | {"verdict": each.verdict and asdict(each.verdict)} for each in results]
    (directory / "cells.json").write_text(json.dumps(cells, ensure_ascii=False, indent=1) + "\n")


def _sign(result: Result) -> str:
    if result.verdict is None:
        return "?"
    return "X" if result.is_wrong else _SIGNS[result.verdict.ending]
