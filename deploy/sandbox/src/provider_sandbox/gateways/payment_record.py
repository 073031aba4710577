"""Payments in SQLite, with each state that they were ever in: look-ups may lag, webhooks may come late."""

import json
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, slots=True)
class NumberedPayment(Payment):
    """A payment with its place in the order of their opening."""

    sequence: int = 0


class PaymentRecord:
    """The payments of all gateways."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.create(_SCHEMA)

    def save(self, payment: Payment, now: float) -> None:
        """Add it, or give it a new state that holds since ``now``."""
        document = json.dumps(asdict(payment), ensure_ascii=False)
        row = {
            "key": payment.key,
            "gateway": payment.gateway,
            "order_id": payment.order_id,
            "currency": payment.currency,
            "charged": payment.charged_amount,
            "cancelled": payment.cancelled_amount if payment.approved_at else 0,
            "expires_at": payment.expires_at,
            "document": document,
        }
        with self._database.transaction():
            self._database.put("gateway_payment", "key", row)
            state = {"key": payment.key, "since": now, "document": document}
            self._database.insert("gateway_payment_state", state)

    def get(self, gateway: str, key: str) -> Payment | None:
        return self._first("gateway_payment WHERE gateway = ? AND key = ?", gateway, key)

    def of_order(self, gateway: str, order_id: str) -> Payment | None:
        """The order's payment that was charged, or else its last one."""
        condition = "gateway = ? AND order_id = ? ORDER BY charged > 0 DESC, sequence DESC"
        return self._first(f"gateway_payment WHERE {condition}", gateway, order_id)

    def attempts(self, gateway: str, order_id: str) -> list[Payment]:
        """All payments of an order, in the order of their opening."""
        return self._payments(
            "gateway_payment WHERE gateway = ? AND order_id = ? ORDER BY sequence", gateway, order_id
        )

    def as_of(self, key: str, at: float) -> Payment | None:
        """The state that it was in at ``at``; None if there was no such payment then."""
        return self._first(
            "gateway_payment_state WHERE key = ? AND since <= ? ORDER BY sequence DESC", key, at
        )

    def overdue(self, gateway: str, now: float) -> Payment | None:
        """The payment whose window has been closed for longest."""
        return self._first(
            "gateway_payment WHERE gateway = ? AND expires_at <= ? ORDER BY expires_at", gateway, now
        )

    def next_expiry(self) -> float | None:
        at: float | None = self._database.value("SELECT min(expires_at) FROM gateway_payment")
        return at

    def page(
        self, *, gateway: str | None, order_id: str | None, after: int, limit: int
    ) -> list[NumberedPayment]:
        """Payments after the sequence number ``after``."""
        rows = self._database.page("gateway_payment", after, limit, gateway=gateway, order_id=order_id)
        return [NumberedPayment(**_fields(row.document), sequence=row.sequence) for row in rows]

    def money(self) -> list[dict[str, Any]]:
        """By gateway and currency: payments charged, what they took and what they gave back."""
        return self._database.rows(
            "SELECT gateway, currency, sum(charged > 0) AS payments, sum(charged) AS charged,"
            " sum(cancelled) AS cancelled FROM gateway_payment GROUP BY gateway, currency"
            " ORDER BY gateway, currency"
        )

    def orders_charged_twice(self) -> int:
        """Orders with more than one payment whose money was not wholly given back."""
        count: int = self._database.value(
            "SELECT count(*) FROM (SELECT 1 FROM gateway_payment WHERE charged > cancelled"
            " GROUP BY gateway, order_id HAVING count(*) > 1)"
        )
        return count

    def clear(self) -> None:
        with self._database.transaction():
            self._database.execute("DELETE FROM gateway_payment")
            self._database.execute("DELETE FROM gateway_payment_state")

    def _payments(self, wanted: str, *values: str | float) -> list[Payment]:
        query = f"SELECT document FROM {wanted}"  # noqa: S608 - constants of this class
        return [Payment(**_fields(row["document"])) for row in self._database.rows(query, values)]

    def _first(self, wanted: str, *values: str | float) -> Payment | None:
        return next(iter(self._payments(f"{wanted} LIMIT 1", *values)), None)


def _fields(document: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(document)
    return {**fields, "cancellations": tuple(Cancellation(**each) for each in fields["cancellations"])}
