"""What a process of the former release writes. It knows a payment's gateway, and no account."""

import shutil
from pathlib import Path
from uuid import UUID

from sqlalchemy import Connection, text

from order_service.migrations import SCHEMA
from servicekit.db.migrations import upgrade
from servicekit.db.schema import ServiceSchema
from servicekit.identifiers import uuid7
from tests.support.databases import RELAY_ROLE

_SAVE = text("""
UPDATE payment
   SET status = :status, attempt = attempt, requested_at = requested_at, decline_code = :decline_code,
       approved_at = CASE WHEN :status IN ('APPROVED', 'REFUND_DUE') THEN clock_timestamp() END
 WHERE payment_id = :payment_id
""")
_PLACE = text("""
INSERT INTO orders (order_id, user_id, currency, total_amount, recipient_name, recipient_phone, status,
                    created_at)
VALUES (:order_id, 7, 'KRW', 100, '김하늘', '010-1234-5678', 'PENDING_PAYMENT', clock_timestamp());
INSERT INTO order_item (order_id, line_number, product_id, quantity, unit_price)
VALUES (:order_id, 1, 'P-1', 1, 100)
""")
_ADD = text("""
INSERT INTO payment (payment_id, order_id, method, gateway, payment_key, amount, currency, status, attempt,
                     requested_at)
SELECT :payment_id, order_id, 'CARD', :gateway, :payment_key, total_amount, currency, 'REQUESTED', 1,
       clock_timestamp()
  FROM orders WHERE order_id = :order_id
""")


def save(connection: Connection, payment_id: UUID, status: str) -> None:
    """Settle a payment."""
    decline_code = "NO_FUNDS" if status == "DECLINED" else None
    connection.execute(_SAVE, {"payment_id": payment_id, "status": status, "decline_code": decline_code})


def add(connection: Connection, gateway: str | None) -> UUID:
    """Store a new payment, of a new order. Releases before the former one know no ``gateway``."""
    order_id = uuid7()
    connection.execute(_PLACE, {"order_id": order_id})
    return add_to(connection, order_id, gateway)


def add_to(connection: Connection, order_id: UUID | str, gateway: str | None = None) -> UUID:
    """Store a new payment of an order."""
    payment_id = uuid7()
    connection.execute(
        _ADD,
        {
            "payment_id": payment_id,
            "order_id": order_id,
            "gateway": gateway,
            "payment_key": str(payment_id),
        },
    )
    return payment_id


def migrate_to(database_url: str, newest: str, directory: Path) -> None:
    """Make the tables of the revision ``newest`` in an empty database."""
    folder = directory / f"migrations-{newest}"
    shutil.copytree(SCHEMA.migrations, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for revision in (folder / "versions").glob("0*.py"):
        if revision.name[:4] > newest:
            revision.unlink()
    upgrade(
        database_url,
        ServiceSchema(SCHEMA.service, folder, SCHEMA.families),
        {"outbox_relay_role": RELAY_ROLE},
    )
