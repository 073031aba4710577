"""``order-service ledger verify`` finds whatever is done to the books, and invents nothing."""

# ruff: noqa: S608 - our own statements

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from devstack.postgresql import PostgresqlServer
from order_service.application.ports import Period
from order_service.application.verify_ledger import VerifyLedgerCommand
from order_service.cli import main
from order_service.domain.ledger_seal import HOUR, Seal, seal_after
from order_service.persistence.ledger_facts import SqlLedgerFacts
from tests.integration.order_service.ledger.tamperings import SALE, TAMPERINGS, Tampering
from tests.support.databases import fresh_database
from tests.support.order_books import Books, open_books

HOURS = 3


@pytest.fixture(scope="module")
def kept_books(postgresql_server: PostgresqlServer, migrated_database: str) -> Iterator[str]:
    """A database with entries of each kind in some sealed hours, and in one unsealed; to be copied."""
    with fresh_database(postgresql_server.url(), migrated_database) as name:
        with open_books(postgresql_server.url(database=name)) as books:
            for hour in range(HOURS):
                business(books)
                books.happened(hours_ago=HOURS + 1 - hour)
            books.begun(hours_ago=HOURS + 2)
            books.seal()
            business(books)
        yield name


def business(books: Books) -> None:
    """Everything that can happen to a payment."""
    cancelled = books.sale(discount=100)
    books.refunded(books.cancelled(cancelled, 300, left=900))
    books.cancelled(cancelled, 100, left=600)
    books.sale(currency="USD")
    books.returned(books.wrong_charge())
    books.wrong_charge(5, "USD")
    lost = books.sale()
    books.taken_back(lost)
    books.refunded(books.cancelled(lost, 1_000, left=1_000))
    back = books.sale()
    books.taken_back(back)
    books.refunded(books.cancelled(back, 300, left=1_000))
    books.restored(back)
    books.refunded(books.cancelled(back, 100, left=700))
    books.requested()


@pytest.fixture
def database_of_books(postgresql_server: PostgresqlServer, kept_books: str) -> Iterator[str]:
    with fresh_database(postgresql_server.url(), kept_books) as name:
        yield postgresql_server.url(database=name)


@pytest.fixture
def books(database_of_books: str) -> Iterator[Books]:
    with open_books(database_of_books) as books:
        yield books


def verify(database_url: str, *arguments: str) -> Result:
    environment = {"DATABASE_URL": database_url, "PAYMENT_GATEWAY": "in-process"}
    return CliRunner().invoke(main, ["ledger", "verify", *arguments], env=environment)


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_tampering_is_found(books: Books, tampering: Tampering) -> None:
    with books.tampering() as connection:
        connection.execute(text(tampering.statements))
    assert set(books.differences()) == tampering.shows


def test_a_clean_ledger_has_no_difference(books: Books, database_of_books: str) -> None:
    result = verify(database_of_books)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "no differences")
    found = json.loads(verify(database_of_books, "--json").stdout)
    assert found["compared"]["hours"] >= HOURS
    assert found["compared"]["entries"] == found["compared"]["sealed entries"] * (HOURS + 1) / HOURS
    assert found["debits"] == found["credits"]
    hours = [hour for (hour,) in books.query("SELECT hour FROM ledger_seal ORDER BY hour")]
    for begins, ends in ((hours[1], None), (None, hours[2]), (hours[1], hours[2]), (hours[-1] + HOUR, None)):
        assert books.differences(VerifyLedgerCommand(Period(begins, ends))) == {}


def test_differences_are_said_with_their_ids(books: Books, database_of_books: str) -> None:
    [(payment_id,)] = books.query(
        "SELECT payment_id FROM payment WHERE status = 'APPROVED' ORDER BY 1 LIMIT 1"
    )
    with books.tampering() as connection:
        connection.exec_driver_sql(
            f"UPDATE payment SET amount = amount + 1 WHERE payment_id = '{payment_id}'"
        )
        connection.exec_driver_sql("DELETE FROM ledger_seal WHERE hour > (SELECT min(hour) FROM ledger_seal)")
    result = verify(database_of_books, "--ids", "2")
    assert result.exit_code == 1
    assert (
        f"payment_disagrees (1): payments are of another amount or currency than their order\n  {payment_id}"
        in (result.stdout)
    )
    assert "hour_not_sealed" in result.stdout


def test_only_what_is_in_the_period_is_compared(books: Books, database_of_books: str) -> None:
    [_, first, second, *_] = [hour for (hour,) in books.query("SELECT hour FROM ledger_seal ORDER BY hour")]
    with books.tampering() as connection:
        connection.execute(text(TAMPERINGS["account_swapped"].statements))
    named = f"{second:%Y-%m-%dT%H:%M}Z"
    assert verify(database_of_books, "--to", named).exit_code == 1
    # Its payment, whose time is now, is in every open period.
    assert "seal_wrong" not in verify(database_of_books, "--from", named).stdout
    assert set(books.differences(VerifyLedgerCommand(Period(first, second)))) == {
        "entry_disagrees",
        "seal_wrong",
    }


def test_an_hour_that_was_sealed_anew_breaks_the_next_one(books: Books) -> None:
    with books.tampering() as connection:
        connection.execute(text(TAMPERINGS["amounts_changed"].statements))
        [(hour,)] = connection.execute(
            text(f"SELECT date_trunc('hour', recorded_at) FROM ledger_entry WHERE entry_id = {SALE}")
        )
    seal_anew(books, 1)
    found = books.differences()
    assert found["seal_wrong"] == [f"{hour + HOUR:%Y-%m-%dT%H:%MZ}"]


def test_a_chain_that_was_made_anew_lacks_the_seals_that_were_kept(
    books: Books, database_of_books: str
) -> None:
    digests = [bytes(digest) for (digest,) in books.query("SELECT digest FROM ledger_seal ORDER BY hour")]
    kept = VerifyLedgerCommand(known_digests=frozenset(digests))
    assert books.differences(kept) == {}
    with books.tampering() as connection:
        connection.execute(
            text(
                f"UPDATE ledger_entry SET occurred_at = occurred_at - interval '1 s' WHERE entry_id = {SALE}"
            )
        )
        connection.execute(
            text(
                "UPDATE payment SET approved_at = occurred_at FROM ledger_entry"
                f" WHERE source_id = payment.payment_id AND entry_id = {SALE}"
            )
        )
    seal_anew(books)

    assert books.differences() == {}
    assert books.differences(kept) == {"known_seal_missing": [each.hex() for each in sorted(digests[1:])]}
    result = verify(database_of_books, "--seal", digests[-1].hex())
    assert (result.exit_code, digests[-1].hex() in result.stdout) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--from", "yesterday"),
        ("--from", "2026-01-31T09:30Z"),
        ("--from", "2026-01-31T09:00Z", "--to", "2026-01-31T09:00Z"),
        ("--seal", "abc"),
        ("--per-second", "0"),
    ],
    ids=["no_time", "no_hour", "empty", "no_digest", "no_pace"],
)
def test_wrong_arguments_are_said_in_one_line(order_database_url: str, arguments: tuple[str, ...]) -> None:
    result = verify(order_database_url, *arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_database_that_is_away_is_no_difference() -> None:
    result = verify("postgresql://nobody@127.0.0.1:1/none")
    assert (result.exit_code, result.stdout) == (2, "")


def seal_anew(books: Books, hours: int | None = None) -> None:
    """What a forger would do: the first hours get the seals that suit their entries."""
    lines = list(SqlLedgerFacts(books.engine).sealed_lines(Period()))
    former, *others = list(SqlLedgerFacts(books.engine).seals())
    with books.tampering() as connection:
        for seal in others[:hours]:
            former = seal_after(former, [line for at, line in lines if seal.hour <= at < seal.hour + HOUR])
            store(connection, former)


def store(connection: object, seal: Seal) -> None:
    connection.execute(  # type: ignore[attr-defined]
        text("UPDATE ledger_seal SET digest = :digest WHERE hour = :hour"),
        {"digest": seal.digest, "hour": seal.hour},
    )
