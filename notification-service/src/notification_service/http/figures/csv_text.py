"""Figures as CSV (RFC 4180)."""

import csv
import io
from collections.abc import Sequence

from notification_service.domain.figures import Figure, FigureKind
from notification_service.http.figures.replies import COLUMNS, line_of

# A spreadsheet takes such a cell for a formula, and a product's id comes from outside.
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(kind: FigureKind, figures: Sequence[Figure]) -> str:
    """A header line with the names that JSON has, and a line for each figure.

    Null is an empty cell. Text that a spreadsheet would take for a formula follows an apostrophe.
    """
    names = [field.alias or name for name, field in COLUMNS[kind].model_fields.items()]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    for figure in figures:
        values = line_of(figure).model_dump(mode="json", by_alias=True)
        writer.writerow([_cell(values[name]) for name in names])
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_BEGIN_FORMULAS):
        return f"'{value}"
    return value
