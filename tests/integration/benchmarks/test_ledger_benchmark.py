"""The benchmark of the ledger verifies a small one: clean, and then with faults."""

from devstack.postgresql import PostgresqlServer
from tests.benchmarks.ledger.measuring import measured
from tests.benchmarks.ledger.world import FAULTS
from tests.support.databases import fresh_database
from tests.support.service_databases import migrate_orders


def test_a_small_ledger_is_filled_sealed_and_verified(postgresql_server: PostgresqlServer) -> None:
    with fresh_database(postgresql_server.url()) as name:
        url = postgresql_server.url(database=name)
        migrate_orders(url)
        results = measured(url, 1_100)
    assert results["clean"]["compared"]["entries"] == results["clean"]["compared"]["sealed entries"] == 1_100
    assert results["clean"]["compared"]["hours"] >= 200
    assert results["faulty"]["differences"].keys() >= FAULTS.keys()
