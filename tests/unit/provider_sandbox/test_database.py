"""Transactions: a block inside another joins it. Rows that are changed by their key. Pages."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from provider_sandbox.database import Database
from provider_sandbox.providers.used_keys import UsedKeys


def test_a_failure_takes_back_what_joined_blocks_have_written(tmp_path: Path) -> None:
    database = Database(tmp_path / "d.sqlite")
    keys = UsedKeys(database)

    def use_and_fail() -> None:
        with database.transaction():
            keys.claim("nhn", "key", 600, 1000)
            raise RuntimeError

    with closing(database):
        with pytest.raises(RuntimeError):
            use_and_fail()

        assert keys.claim("nhn", "key", 600, 1000)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "d.sqlite")) as database:
        columns = "sequence INTEGER PRIMARY KEY AUTOINCREMENT, shop TEXT, day TEXT, sales INTEGER"
        database.create(f"CREATE TABLE sale ({columns}, UNIQUE (shop, day))")
        yield database


def a_sale(shop: str, day: str = "monday", sales: int = 1) -> dict[str, object]:
    return {"shop": shop, "day": day, "sales": sales}


def test_a_row_with_the_same_key_is_changed_in_its_place(database: Database) -> None:
    for sale in (a_sale("a"), a_sale("b"), a_sale("a", sales=2), a_sale("a", "tuesday")):
        database.put("sale", "shop, day", sale)

    rows = database.rows("SELECT shop, day, sales FROM sale ORDER BY sequence")

    assert rows == [a_sale("a", sales=2), a_sale("b"), a_sale("a", "tuesday")]


def test_a_page_has_what_is_asked_for_after_a_number(database: Database) -> None:
    numbers = [database.insert("sale", a_sale(shop, str(day))) for day in range(3) for shop in "ab"]

    found = database.page("sale", numbers[0], 2, shop="a", day=None)

    assert [(row.sequence, row.shop, row.day) for row in found] == [
        (numbers[2], "a", "1"),
        (numbers[4], "a", "2"),
    ]
    assert database.page("sale", 0, 9, shop="c") == []
