from datetime import UTC, datetime
from pathlib import Path

import pytest

from shop_demo.errors import BadInput
from shop_demo.order_sources.csv_file import read_csv_file
from shop_demo.orders import OrderItem

pytestmark = pytest.mark.unit

HEADER = "order_id,customer_id,ordered_at,product_id,quantity,unit_price"
LINE = "A-1,7,2026-03-01T09:30:00+09:00,P-1,2,15000"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


def written(path: Path, *lines: str, newline: str = "\n", encoding: str = "utf-8") -> Path:
    path.write_bytes((newline.join(lines) + newline).encode(encoding))
    return path


def test_adjacent_lines_are_one_order(path: Path) -> None:
    second_line = LINE.replace("P-1,2,15000", "P-2,1,500")
    batch = read_csv_file(written(path, HEADER, LINE, second_line, "B,8,2026-03-02,P-1,1,9"), seed=1)
    first, second = batch.orders
    assert first.items == (OrderItem("P-1", 2, 15_000), OrderItem("P-2", 1, 500))
    assert (first.source_id, first.customer_id, first.currency, first.total_amount) == (
        "A-1",
        7,
        "KRW",
        30_500,
    )
    assert first.ordered_at == datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert second.ordered_at == datetime(2026, 3, 2, tzinfo=UTC)


def test_the_recipient_is_the_same_for_the_same_seed(path: Path) -> None:
    written(path, HEADER, LINE)
    assert read_csv_file(path, seed=1) == read_csv_file(path, seed=1)
    assert read_csv_file(path, seed=1).orders[0].recipient != read_csv_file(path, seed=2).orders[0].recipient


@pytest.mark.parametrize(
    ("currency", "price", "minor_units"),
    [
        ("USD", "12.5", 1250),
        ("KRW", "100.00", 100),
        ("JPY", "3", 3),
        ("KWD", "1.005", 1005),
        ("EUR", "0.07", 7),
    ],
)
def test_prices_become_the_minor_units_of_their_currency(
    path: Path, currency: str, price: str, minor_units: int
) -> None:
    written(path, HEADER + ",currency", f"A,7,2026-03-01,P-1,1,{price},{currency}")
    assert read_csv_file(path, seed=1).orders[0].items[0].unit_price == minor_units


def test_byte_order_mark_line_ends_and_column_order_do_not_matter(path: Path) -> None:
    header = "product_id,order_id,customer_id,ordered_at,unit_price,quantity"
    written(path, header, '"P-1, red",A,7,2026-03-01,15000,2', "", "", newline="\r\n", encoding="utf-8-sig")
    assert read_csv_file(path, seed=1).orders[0].items == (OrderItem("P-1, red", 2, 15_000),)


def test_a_limit_takes_the_first_orders_of_a_file_checked_to_its_end(path: Path) -> None:
    other = LINE.replace("A-1", "A-2")
    batch = read_csv_file(written(path, HEADER, LINE, other), seed=1, limit=1)
    assert [order.source_id for order in batch.orders] == ["A-1"]
    assert batch.notes == ("the first 1 of 2 orders",)
    with pytest.raises(BadInput, match=r":3: quantity"):
        read_csv_file(written(path, HEADER, LINE, other.replace(",2,", ",0,")), seed=1, limit=1)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], ":1: the file is empty"),
        ([HEADER], ":1: a header, but no order"),
        (["order_id,customer_id"], ":1: missing column ordered_at, product_id, quantity, unit_price"),
        ([HEADER + ",colour", LINE + ",red"], ":1: unknown column 'colour'"),
        ([HEADER + ",quantity", LINE + ",2"], ":1: a column appears twice"),
        ([HEADER, LINE + ",KRW"], ":2: 7 fields where the header has 6"),
        ([HEADER, LINE, "A-1,7"], ":3: 2 fields where the header has 6"),
        ([HEADER, LINE, '"A-1'], ":3: not CSV"),
        ([HEADER, LINE.replace(",2,", ",0,")], ":2: quantity: Input should be greater than or equal to 1"),
        (
            [HEADER, LINE.replace(",2,", ",1000001,")],
            ":2: quantity: Input should be less than or equal to 1000000",
        ),
        ([HEADER, LINE.replace(",2,", ",2.0,")], ":2: quantity: must be a whole number"),
        ([HEADER, LINE.replace(",2,", ",1_0,")], ":2: quantity: must be a whole number"),
        ([HEADER, LINE.replace("15000", "-1")], ":2: unit_price: Input should be greater than or equal to 0"),
        (
            [HEADER, LINE.replace("15000", "1.50")],
            ":2: line: unit_price 1.50 has more than the 0 decimals of KRW",
        ),
        ([HEADER, LINE.replace("15000", "1e3")], ":2: unit_price: must be a decimal number"),
        ([HEADER, LINE.replace("15000", "NaN")], ":2: unit_price: must be a decimal number"),
        ([HEADER, LINE.replace("15000", "1000000000001")], ":2: line: unit_price 1000000000001 is over"),
        ([HEADER, LINE.replace("15000", "0")], ":2: order A-1 comes to 0"),
        ([HEADER, LINE.replace(",7,", ",0,")], ":2: customer_id: Input should be greater than or equal to 1"),
        ([HEADER, LINE.replace(",7,", ",9223372036854775808,")], ":2: customer_id: Input should be less"),
        ([HEADER, LINE.replace(",7,", ",seven,")], ":2: customer_id: must be a whole number"),
        ([HEADER, LINE.replace("2026-03-01T", "2026-02-30T")], ":2: ordered_at: must be an ISO 8601 date"),
        ([HEADER, LINE.replace("P-1", "")], ":2: product_id"),
        ([HEADER, LINE.replace("P-1", "P" * 65)], ":2: product_id"),
        ([HEADER, LINE.replace("A-1", "")], ":2: order_id"),
        ([HEADER, LINE, "A-1,8,2026-03-01T09:30:00+09:00,P-2,1,1"], ":3: customer_id differs from line 2"),
        ([HEADER, LINE, LINE.replace("A-1", "B"), LINE], ":4: order_id A-1 was already on line 2"),
        ([HEADER, LINE + "\0"], ":2: a NUL character"),
        ([HEADER, *[LINE] * 201], ":2: order A-1 has 201 items, more than 200"),
        ([HEADER + ",currency", LINE + ",won"], ":2: currency: must be a currency of ISO 4217"),
        ([HEADER + ",currency", LINE + ",ZZZ"], ":2: currency: must be a currency of ISO 4217"),
        ([HEADER, LINE, '"A\n2",7,2026-03-01,P-1,1,1', LINE.replace(",2,", ",0,")], ":5: quantity"),
    ],
)
def test_a_fault_is_named_with_file_line_and_reason(path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_csv_file(written(path, *lines), seed=1)
    assert str(caught.value).startswith(f"{path}{complaint}")


def test_an_order_too_large_to_send_is_refused(path: Path) -> None:
    lines = [f"A,7,2026-03-01,{'가' * 64},1,1"] * 200
    with pytest.raises(BadInput, match=r":2: order A takes \d+ bytes as JSON, more than 65536"):
        read_csv_file(written(path, HEADER, *lines), seed=1)


def test_another_encoding_is_named_with_its_line(path: Path) -> None:
    with pytest.raises(BadInput, match=r":3: not UTF-8 \(byte 0xbb\)"):
        read_csv_file(written(path, HEADER, LINE, LINE.replace("P-1", "빨강"), encoding="cp949"), seed=1)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read_csv_file(path, seed=1)
    with pytest.raises(BadInput, match="Is a directory"):
        read_csv_file(path.parent, seed=1)
