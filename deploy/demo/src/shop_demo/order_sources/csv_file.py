"""Orders from a CSV file: one line an item, an order's lines adjacent.

The file is read and checked to its end before the first order is used, also when only some are wanted.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from shop_demo.errors import BadInput
from shop_demo.order_sources.csv_row import COLUMNS, OPTIONAL_COLUMNS, CsvRow
from shop_demo.orders import Order, OrderBatch, OrderItem, a_recipient, fault_of

_NumberedRow = tuple[int, CsvRow]


def read_csv_file(path: Path, *, seed: int, limit: int | None = None) -> OrderBatch:
    """The file's orders, in its order; raises BadInput with file, line and reason at the first fault."""
    orders = []
    first_line_of: dict[str, int] = {}
    for lines in _orders(path, _rows(path, _decoded(path))):
        line_number, head = lines[0]
        if head.order_id in first_line_of:
            raise _fault(
                path,
                line_number,
                f"order_id {head.order_id} was already on line {first_line_of[head.order_id]}; "
                "an order's lines have to be adjacent",
            )
        first_line_of[head.order_id] = line_number
        orders.append(_checked_order(path, lines, seed))
    if not orders:
        raise _fault(path, 1, "a header, but no order")
    notes = (
        (f"the first {limit} of {len(orders)} orders",) if limit is not None and limit < len(orders) else ()
    )
    return OrderBatch(str(path), tuple(orders[:limit]), notes)


def _fault(path: Path, line_number: int, reason: str) -> BadInput:
    return BadInput(f"{path}:{line_number}: {reason}")


def _decoded(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line_number = content.count(b"\n", 0, error.start) + 1
        raise _fault(path, line_number, f"not UTF-8 (byte 0x{content[error.start]:02x})") from error
    if "\0" in text:
        raise _fault(path, text.count("\n", 0, text.index("\0")) + 1, "a NUL character")
    if not text.strip():
        raise _fault(path, 1, "the file is empty")
    return text


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        # A quoted field may span lines; the record is named by the line it begins on.
        line_number = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _fault(path, line_number, f"not CSV: {error}") from error
        if fields:
            yield line_number, fields


def _rows(path: Path, text: str) -> Iterator[_NumberedRow]:
    records = _records(path, text)
    header_line, header = next(records)
    _check_header(path, header_line, header)
    for line_number, fields in records:
        if len(fields) != len(header):
            raise _fault(path, line_number, f"{len(fields)} fields where the header has {len(header)}")
        try:
            yield line_number, CsvRow.model_validate(dict(zip(header, fields, strict=True)))
        except ValidationError as error:
            raise _fault(path, line_number, _in_words(error)) from error


def _check_header(path: Path, line_number: int, header: list[str]) -> None:
    known = {*COLUMNS, *OPTIONAL_COLUMNS}
    if missing := [column for column in COLUMNS if column not in header]:
        raise _fault(path, line_number, f"missing column {', '.join(missing)}")
    if unknown := [column for column in header if column not in known]:
        raise _fault(path, line_number, f"unknown column {', '.join(map(repr, unknown))}")
    if len(set(header)) < len(header):
        raise _fault(path, line_number, "a column appears twice")


def _in_words(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, fault['loc'])) or 'line'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_url=False)
    )


def _orders(path: Path, rows: Iterator[_NumberedRow]) -> Iterator[list[_NumberedRow]]:
    current: list[_NumberedRow] = []
    for line_number, row in rows:
        if current and row.order_id != current[0][1].order_id:
            yield current
            current = []
        if current:
            first_line, head = current[0]
            for column in ("customer_id", "ordered_at", "currency"):
                if getattr(row, column) != getattr(head, column):
                    raise _fault(
                        path, line_number, f"{column} differs from line {first_line} of the same order"
                    )
        current.append((line_number, row))
    if current:
        yield current


def _checked_order(path: Path, lines: list[_NumberedRow], seed: int) -> Order:
    line_number, head = lines[0]
    order = Order(
        source_id=head.order_id,
        customer_id=head.customer_id,
        ordered_at=head.ordered_at,
        currency=head.currency,
        items=tuple(OrderItem(row.product_id, row.quantity, row.unit_price_minor_units) for _, row in lines),
        recipient=a_recipient(seed, head.order_id),
    )
    if fault := fault_of(order):
        raise _fault(path, line_number, fault)
    return order
