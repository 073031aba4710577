"""Payments in SQLite, with each state that they were ever in: look-ups may lag, webhooks may come late."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from provider_sandbox.database import Database
from provider_sandbox.gateways.payment import Cancellation, Payment

_SCHEMA = """
CREATE TABLE IF NOT EXISTS gateway_payment (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    key        TEXT NOT NULL UNIQUE,
    gateway    TEXT NOT NULL,
    order_id   TEXT NOT NULL,
    currency   TEXT NOT NULL,
    charged    INTEGER NOT NULL,
    cancelled  INTEGER NOT NULL,
    expires_at REAL,
    document   TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS gateway_payment_order ON gateway_payment (gateway, order_id);
CREATE INDEX IF NOT EXISTS gateway_payment_expiry ON gateway_payment (expires_at)
    WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS gateway_payment_state (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key      TEXT NOT NULL,
    since    REAL NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS gateway_payment_state_key ON gateway_payment_state (key, since);
"""


class PaymentRecord:
    """The payments of all gateways."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def save(self, payment: Payment, now: float) -> None:
        """Add it, or give it a new state that holds since ``now``."""
        document = json.dumps(asdict(payment), ensure_ascii=False)
        charged, cancelled = payment.charged_amount, payment.cancelled_amount if payment.approved_at else 0
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO gateway_payment"
                " (key, gateway, order_id, currency, charged, cancelled, expires_at, document)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " charged = excluded.charged, cancelled = excluded.cancelled,"
                " expires_at = excluded.expires_at, document = excluded.document",
                (
                    payment.key,
                    payment.gateway,
                    payment.order_id,
                    payment.currency,
                    charged,
                    cancelled,
                    payment.expires_at,
                    document,
                ),
            )
            connection.execute(
                "INSERT INTO gateway_payment_state (key, since, document) VALUES (?, ?, ?)",
                (payment.key, now, document),
            )

    def get(self, gateway: str, key: str) -> Payment | None:
        return self._one("WHERE gateway = ? AND key = ?", (gateway, key))

    def of_order(self, gateway: str, order_id: str) -> Payment | None:
        """The order's payment that was charged, or else its last one."""
        return self._one(
            "WHERE gateway = ? AND order_id = ? ORDER BY charged > 0 DESC, sequence DESC LIMIT 1",
            (gateway, order_id),
        )

    def attempts(self, gateway: str, order_id: str) -> list[Payment]:
        """All payments of an order, in the order of their opening."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT document FROM gateway_payment WHERE gateway = ? AND order_id = ? ORDER BY sequence",
                (gateway, order_id),
            ).fetchall()
        return [_payment(row["document"]) for row in rows]

    def as_of(self, key: str, at: float) -> Payment | None:
        """The state that it was in at ``at``; None if there was no such payment then."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT document FROM gateway_payment_state WHERE key = ? AND since <= ?"
                " ORDER BY sequence DESC LIMIT 1",
                (key, at),
            ).fetchone()
        return None if row is None else _payment(row["document"])

    def overdue(self, gateway: str, now: float) -> Payment | None:
        """The payment whose window has been closed for longest."""
        return self._one("WHERE gateway = ? AND expires_at <= ? ORDER BY expires_at LIMIT 1", (gateway, now))

    def next_expiry(self) -> float | None:
        with self._database.transaction() as connection:
            (at,) = connection.execute("SELECT min(expires_at) FROM gateway_payment").fetchone()
        return None if at is None else float(at)

    def page(
        self, *, gateway: str | None, order_id: str | None, after: int, limit: int
    ) -> list[tuple[int, Payment]]:
        """Payments with their sequence numbers, those after ``after``."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT sequence, document FROM gateway_payment WHERE sequence > ?"
                " AND (? IS NULL OR gateway = ?) AND (? IS NULL OR order_id = ?) ORDER BY sequence LIMIT ?",
                (after, gateway, gateway, order_id, order_id, limit),
            ).fetchall()
        return [(row["sequence"], _payment(row["document"])) for row in rows]

    def money(self) -> list[Mapping[str, Any]]:
        """By gateway and currency: payments charged, what they took and what they gave back."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT gateway, currency, sum(charged > 0) AS payments, sum(charged) AS charged,"
                " sum(cancelled) AS cancelled FROM gateway_payment GROUP BY gateway, currency"
                " ORDER BY gateway, currency"
            ).fetchall()
        return [dict(row) for row in rows]

    def orders_charged_twice(self) -> int:
        """Orders with more than one payment whose money was not wholly given back."""
        with self._database.transaction() as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM gateway_payment WHERE charged > cancelled"
                " GROUP BY gateway, order_id HAVING count(*) > 1)"
            ).fetchone()
        return int(count)

    def clear(self) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM gateway_payment")
            connection.execute("DELETE FROM gateway_payment_state")

    def _one(self, condition: str, values: tuple[Any, ...]) -> Payment | None:
        with self._database.transaction() as connection:
            row = connection.execute(
                f"SELECT document FROM gateway_payment {condition}",  # noqa: S608 - constants of this class
                values,
            ).fetchone()
        return None if row is None else _payment(row["document"])


def _payment(document: str) -> Payment:
    fields = json.loads(document)
    cancellations = tuple(Cancellation(**each) for each in fields.pop("cancellations"))
    return Payment(**fields, cancellations=cancellations)
