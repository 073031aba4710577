"""Whatever happens to payments in whatever order, the ledger adds up; and whatever is changed later shows."""

# ruff: noqa: S608 - our own names

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.support.order_books import HELD, Books, Paid, open_books

CURRENCIES = ("KRW", "USD")
# What is changed of one row, by table and column, and in which rows.
SEALED = "recorded_at < (SELECT max(hour) + interval '1 hour' FROM ledger_seal)"
OF_SEALED = f"entry_id IN (SELECT entry_id FROM ledger_entry WHERE {SEALED})"
SOLD = "order_id IN (SELECT order_id FROM payment WHERE status = 'APPROVED')"
CHANGES = (
    ("ledger_entry", "recorded_at", "recorded_at + interval '1 microsecond'", SEALED),
    ("ledger_entry", "occurred_at", "occurred_at + interval '1 microsecond'", "true"),
    ("ledger_entry", "source_id", "gen_random_uuid()", "true"),
    ("ledger_entry", "order_id", "gen_random_uuid()", "true"),
    ("ledger_posting", "amount", "amount * 2", "true"),
    ("ledger_posting", "account", "account || '2'", "true"),
    ("ledger_posting", "currency", "'JPY'", OF_SEALED),
    ("ledger_seal", "digest", "sha256(digest)", "true"),
    ("ledger_seal", "entries", "entries + 1", "true"),
    ("payment", "amount", "amount + 1", "status = 'APPROVED'"),
    (
        "payment",
        "approved_at",
        "approved_at + interval '1 microsecond'",
        "status IN ('APPROVED', 'REFUND_DUE')",
    ),
    ("payment", "gateway_account", "'shop-2'", "status = 'REFUND_DUE'"),
    ("orders", "total_amount", "total_amount + 1", SOLD),
    ("order_item", "unit_price", "unit_price + 1", SOLD),
    ("refund", "amount", "amount + 1", "amount < refundable_amount"),
    ("refund", "requested_at", "requested_at + interval '1 microsecond'", "true"),
)

OVERDRAWN = """
SELECT payment_id FROM ledger_entry JOIN ledger_posting USING (entry_id) WHERE account LIKE 'gateway:%%'
 GROUP BY payment_id, account, currency HAVING sum(amount) < 0
"""
# Until the end.
UNSEALED = {"hour_not_sealed"}

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["sale", "wrong", "other", "return", "cancel", "refund", "taken_back", "restored", "hour"]
        ),
        st.integers(0, 2**20),
    ),
    min_size=4,
    max_size=12,
)


@dataclass
class Model:
    """What the books must come to, by the simplest reckoning."""

    books: Books
    held: Counter[str] = field(default_factory=Counter)
    owed: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    sales: list[Paid] = field(default_factory=list)
    left: dict[UUID, int] = field(default_factory=dict)
    """What may still be cancelled of a sale."""
    at_gateway: Counter[UUID] = field(default_factory=Counter)
    taken_back: dict[UUID, int] = field(default_factory=dict)
    """With what is lost of it."""
    restored: set[UUID] = field(default_factory=set)
    charges: list[tuple[Paid, int, str]] = field(default_factory=list)
    refunds: list[tuple[UUID, Paid, int]] = field(default_factory=list)
    hours_ago: int = 30

    def play(self, step: str, number: int) -> None:
        if step == "hour":
            self.books.happened(self.hours_ago)
            self.hours_ago = max(2, self.hours_ago - 1)
        elif step == "sale":
            gross = number % 5_000
            self._sold(self.books.sale(gross, number % (gross + 1), CURRENCIES[number % 2]))
        elif step == "wrong":
            paid = self.books.wrong_charge()
            self._charged(paid, paid.amount, paid.currency)
        elif step == "other":
            amount, currency = number + 1, CURRENCIES[number % 2]
            self._charged(self.books.wrong_charge(amount, currency), amount, currency)
        elif step == "return" and self.charges:
            paid, amount, currency = self.charges.pop(number % len(self.charges))
            self.books.returned(paid)
            self.held[currency] -= amount
            self.owed[currency] -= amount
        elif step == "cancel" and self.sales:
            self._cancel(self.sales[number % len(self.sales)], number)
        elif step == "refund" and self.refunds:
            self._refund(*self.refunds.pop(number % len(self.refunds)))
        elif step == "taken_back" and self.sales:
            self._take_back(self.sales[number % len(self.sales)])
        elif step == "restored" and self.sales:
            self._restore(self.sales[number % len(self.sales)])

    def _sold(self, paid: Paid) -> None:
        self.sales.append(paid)
        self.left[paid.payment_id] = paid.amount
        self._took(paid, paid.amount)

    def _charged(self, paid: Paid, amount: int, currency: str) -> None:
        self.charges.append((paid, amount, currency))
        self.held[currency] += amount
        self.owed[currency] += amount

    def _cancel(self, paid: Paid, number: int) -> None:
        left = self.left[paid.payment_id]
        amount = number % (left + 1)
        self.refunds.append((self.books.cancelled(paid, amount, left), paid, amount))
        self.left[paid.payment_id] -= amount
        self.owed[paid.currency] += amount

    def _refund(self, refund_id: UUID, paid: Paid, amount: int) -> None:
        self.books.refunded(refund_id)
        self.owed[paid.currency] -= amount
        if paid.payment_id in self.taken_back:
            self.lost[paid.currency] -= amount
            self.taken_back[paid.payment_id] -= amount
        else:
            self._took(paid, -amount)

    def _take_back(self, paid: Paid) -> None:
        if paid.payment_id in self.taken_back or paid.payment_id in self.restored:
            return
        self.books.taken_back(paid)
        # Otherwise all of it is what cancellations return.
        if self.left[paid.payment_id]:
            self.taken_back[paid.payment_id] = self.at_gateway[paid.payment_id]
            self.lost[paid.currency] += self.at_gateway[paid.payment_id]
            self._took(paid, -self.at_gateway[paid.payment_id])

    def _restore(self, paid: Paid) -> None:
        lost = self.taken_back.pop(paid.payment_id, None)
        if lost is not None:
            self.books.restored(paid)
            self.restored.add(paid.payment_id)
            self.lost[paid.currency] -= lost
            self._took(paid, lost)

    def _took(self, paid: Paid, amount: int) -> None:
        self.held[paid.currency] += amount
        self.at_gateway[paid.payment_id] += amount


@pytest.fixture
def books(order_database_url: str) -> Iterator[Books]:
    with open_books(order_database_url) as books:
        yield books


def on_account(books: Books, account: str) -> dict[str, int]:
    query = f"SELECT currency, sum(amount) FROM ledger_posting WHERE account = '{account}' GROUP BY currency"
    return {currency: int(amount) for currency, amount in books.query(query) if amount}


def changed(books: Books, change: int, which: int) -> bool:
    """Whether there was a row to change; if so, the change has been found, and is undone."""
    table, column, value, rows = CHANGES[change]
    with books.tampering() as connection:
        found = connection.execute(
            text(f"SELECT ctid::text, {column} FROM {table} WHERE {rows} ORDER BY ctid")
        ).all()
        if not found:
            return False
        place, before = found[which % len(found)]
        made = connection.execute(
            text(
                f"UPDATE {table} SET {column} = {value} WHERE ctid = CAST(:place AS tid) RETURNING ctid::text"
            ),
            {"place": place},
        ).scalar_one()
    assert books.differences().keys() - UNSEALED, (table, column)
    with books.tampering() as connection:
        connection.execute(
            text(f"UPDATE {table} SET {column} = :before WHERE ctid = CAST(:place AS tid)"),
            {"before": bytes(before) if column == "digest" else before, "place": made},
        )
    return True


def test_any_history_adds_up_and_any_change_of_it_shows(books: Books) -> None:
    model = Model(books)
    books.begun(model.hours_ago + 1)

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps, st.integers(0, len(CHANGES) - 1), st.integers(0, 2**20))
    def goes_on(history: list[tuple[str, int]], change: int, which: int) -> None:
        for step, number in history:
            model.play(step, number)
        found = books.verify()
        assert found.ids.keys() <= UNSEALED
        assert found.debits == found.credits
        assert books.query(OVERDRAWN) == []
        assert on_account(books, HELD) == {currency: each for currency, each in model.held.items() if each}
        assert on_account(books, "losses") == {
            currency: each for currency, each in model.lost.items() if each
        }
        assert on_account(books, "refunds-payable") == {
            currency: -each for currency, each in model.owed.items() if each
        }
        changed(books, change, which)

    goes_on()
    paid = books.sale()
    books.refunded(books.cancelled(paid, 300, left=1_000))
    books.happened(model.hours_ago)
    books.seal()
    for change in range(len(CHANGES)):
        assert changed(books, change, 7 * change), CHANGES[change]
    assert books.differences() == {}
