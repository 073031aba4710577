"""The matrix for people."""

from collections.abc import Sequence

from tests.chaos.payments.cells import Result

_SIGNS = {"paid": "P", "not charged": "-", "refunded": "R", "cancelled": "C", "cancelled in part": "c"}
_LEGEND = "P paid, - not charged, R refunded, C cancelled, c cancelled in part, X wrong, ? not tried"


def matrix(results: Sequence[Result]) -> str:
    """A line a boundary, a column a behaviour; two signs where boundaries of one name end differently."""
    columns = list(dict.fromkeys((each.cell.gateway, each.cell.behaviour) for each in results))
    rows: dict[str, dict[tuple[str, str], set[str]]] = {}
    for each in results:
        row = rows.setdefault(each.cell.boundary, {})
        row.setdefault((each.cell.gateway, each.cell.behaviour), set()).add(_sign(each))
    width = max(map(len, rows))
    lines = [f"{number:2}  {': '.join(column)}" for number, column in enumerate(columns, 1)]
    numbers = [f"{number:2}" for number in range(1, len(columns) + 1)]
    lines += ["", _LEGEND, "", " ".join([" " * width, *numbers])]
    for boundary, row in rows.items():
        signs = ("".join(sorted(row.get(column, ())))[-2:] for column in columns)
        lines.append(" ".join([f"{boundary:{width}}", *(f"{sign:>2}" for sign in signs)]).rstrip())
    return "\n".join(lines)


def complaints(results: Sequence[Result]) -> list[str]:
    """A line for each cell that isn't right: wrong, or not tried because the harness failed."""
    return [
        f"{'WRONG' if each.is_wrong else 'NOT TRIED'}: {each.cell}: {each.failure or each.verdict}"
        for each in results
        if each.is_wrong or each.failure is not None
    ]


def _sign(result: Result) -> str:
    if result.verdict is None:
        return "?"
    return "X" if result.is_wrong else _SIGNS[result.verdict.ending]
