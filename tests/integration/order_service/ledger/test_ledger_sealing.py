"""Each hour of the ledger is sealed once, with all of its entries, by whichever worker comes first."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from prometheus_client import REGISTRY

from order_service.application.seal_ledger import SealLedger
from order_service.domain.ledger_seal import HOUR
from order_service.metrics import show_unsealed
from order_service.persistence.unit_of_work import OrderUnitOfWork
from tests.support.order_books import Books, open_books

SEALS = "SELECT entries FROM ledger_seal ORDER BY hour"
# As an administrator, who may stamp an entry with any time.
LATE_ENTRY = """
INSERT INTO ledger_entry (kind, source_id, payment_id, order_id, occurred_at, recorded_at)
SELECT 'TAKEN_BACK', payment_id, payment_id, order_id, recorded_at, recorded_at FROM ledger_entry
"""


@pytest.fixture
def books(order_database_url: str) -> Iterator[Books]:
    with open_books(order_database_url) as books:
        yield books


def test_ended_hours_are_sealed_also_the_empty_ones(books: Books) -> None:
    books.sale()
    books.sale()
    books.happened(hours_ago=4)
    books.begun(hours_ago=6)
    books.sale()

    assert books.seal() in {4, 5}

    assert books.query(SEALS)[:5] == [(0,), (0,), (2,), (0,), (0,)]
    assert books.query("SELECT sum(entries) FROM ledger_seal") == [(2,)]
    assert books.differences() == {}


def test_a_seal_is_what_anybody_can_compute(books: Books) -> None:
    books.sale(discount=10)
    books.happened(hours_ago=3)
    books.begun(hours_ago=4)
    books.seal()

    [(_, former), (hour, digest), *_] = books.query("SELECT hour, digest FROM ledger_seal ORDER BY hour")
    [entry] = books.query("SELECT * FROM ledger_entry")
    postings = books.query("SELECT account, currency, amount FROM ledger_posting ORDER BY account")
    times = [int(moment.timestamp()) * 1_000_000 + moment.microsecond for moment in entry[5:]]
    ids = [str(part) for part in entry[2:5]]
    line = json.dumps([*entry[:2], *ids, *times, [list(each) for each in postings]], ensure_ascii=False)
    expected = bytes(former) + f"{hour:%Y-%m-%dT%H:%M:%SZ}\n{line}\n".encode()
    assert bytes(digest) == hashlib.sha256(expected).digest()


def test_an_hour_waits_for_whatever_may_still_write_into_it(books: Books) -> None:
    books.sale()
    books.happened(hours_ago=2)
    books.begun(hours_ago=3)
    sealer = books.sealer()
    with books.tampering() as slow:
        slow.exec_driver_sql(LATE_ENTRY)
        # Nothing else goes on in a quiet shop.
        assert [sealer(), sealer()] == [False, False]
        # Whatever begins meanwhile neither ends the wait nor makes it longer.
        books.sale()
        assert not sealer()
        with books.engine.begin() as later:
            later.exec_driver_sql("SELECT pg_current_xact_id()")
            slow.commit()
            assert sealer()
    assert books.query(SEALS)[:2] == [(0,), (2,)]


def test_workers_share_the_hours_and_make_one_chain(books: Books) -> None:
    books.sale()
    books.happened(hours_ago=20)
    books.begun(hours_ago=21)
    with ThreadPoolExecutor(3) as pool:
        sealed = list(pool.map(lambda _: books.seal(), range(3)))
    books.seal()
    [(hours,)] = books.query("SELECT count(*) FROM ledger_seal")
    assert sum(sealed) < hours
    assert hours >= 20
    assert books.differences() == {}


def test_no_entry_gets_into_a_sealed_hour_when_the_clock_goes_back(books: Books) -> None:
    with books.tampering() as connection:
        connection.exec_driver_sql("UPDATE ledger_seal SET hour = hour + interval '5 hours'")
    books.sale()
    assert books.query("SELECT recorded_at - hour FROM ledger_entry, ledger_seal") == [(HOUR,)]


def test_workers_say_when_the_first_hour_without_a_seal_ended(books: Books) -> None:
    ends: list[datetime] = []
    sealer = SealLedger(partial(OrderUnitOfWork, books.engine), ends.append)
    sealer()
    assert ends[0] > books.this_hour
    books.begun(hours_ago=4)
    while sealer():
        pass
    assert ends[1:4] == [books.this_hour - hours * HOUR for hours in (2, 1, 0)]
    assert ends[-1] >= books.this_hour


def test_the_gauge_grows_while_nothing_is_sealed() -> None:
    show_unsealed(datetime.now(UTC) - 2 * HOUR)
    age = REGISTRY.get_sample_value("order_ledger_unsealed_seconds")
    assert age is not None
    assert age >= 7_200
    show_unsealed(datetime.now(UTC) + HOUR)
    assert REGISTRY.get_sample_value("order_ledger_unsealed_seconds") == 0
