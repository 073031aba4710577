"""A ledger of any size, sealed; and what to plant in it."""

from typing import Any

# Ids in the order of time, as UUIDv7 are. Of ten, one has a discount, and one was charged wrongly.
_GIVEN = """
    WITH given AS (
        SELECT number, CAST(lpad(to_hex(number), 32, '0') AS uuid) AS id, number %% 10 = 1 AS is_wrong,
               CASE WHEN number %% 10 = 2 THEN 900 ELSE 1000 END AS amount,
               date_trunc('hour', now(), 'UTC') - interval '2 hours'
                   - (%(payments)s - number) * interval '200 hours' / %(payments)s AS at
          FROM generate_series(1, %(payments)s) AS number)
"""
_ROWS = {
    "orders": """
    INSERT INTO orders (order_id, user_id, currency, total_amount, recipient_name, recipient_phone, status,
                        created_at, user_coupon_id, discount_amount, completed_at)
    SELECT id, 7, 'KRW', amount, 'name', '010-1234-5678',
           CASE WHEN is_wrong THEN 'PENDING_PAYMENT' ELSE 'COMPLETED' END, at,
           CASE WHEN amount < 1000 THEN number END, CASE WHEN amount < 1000 THEN 1000 - amount END,
           CASE WHEN NOT is_wrong THEN at END
      FROM given ORDER BY number
""",
    "order_item": """
    INSERT INTO order_item (order_id, line_number, product_id, quantity, unit_price)
    SELECT id, line, 'P-' || line, 1, line * 200 + 200
      FROM given CROSS JOIN generate_series(1, 2) AS line ORDER BY number
""",
    "payment": """
    INSERT INTO payment (payment_id, order_id, method, gateway, gateway_account, payment_key, amount,
                         currency, status, attempt, requested_at, approved_at, decided_by, refunded_at,
                         refunded_by)
    SELECT id, id, 'CARD', 'toss', 'shop-1', id, amount, 'KRW',
           CASE WHEN is_wrong THEN 'REFUND_DUE' ELSE 'APPROVED' END, 1, at, at, 'toss',
           CASE WHEN is_wrong THEN at END, CASE WHEN is_wrong THEN 'order-worker' END
      FROM given ORDER BY number
""",
}
_ENTER = "SELECT count(enter_payment(payment)) FROM payment"
# As the clock would have stamped them.
_STAMP = """
UPDATE ledger_entry SET recorded_at = occurred_at;
UPDATE ledger_seal SET hour = (
    SELECT date_trunc('hour', min(occurred_at), 'UTC') - interval '1 hour' FROM ledger_entry)
"""
_TABLES = (*_ROWS, "ledger_entry", "ledger_posting")


def fill(connection: Any, entries: int) -> None:
    """By an administrator, who spares the triggers of each row."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for rows in _ROWS.values():
            # One in ten has two entries.
            cursor.execute(_GIVEN + rows, {"payments": entries * 10 // 11})
        cursor.execute("SET session_replication_role = origin")
        cursor.execute(_ENTER)
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_STAMP)
        # As autovacuum would have done since.
        for table in _TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        cursor.execute("SET session_replication_role = origin")


FAULTS = {
    "entry_disagrees": """
UPDATE payment SET gateway_account = 'shop-2' WHERE payment_id = (
    SELECT payment_id FROM payment ORDER BY payment_id OFFSET 20 LIMIT 1)
""",
    "seal_wrong": "UPDATE ledger_posting SET amount = amount * 2 WHERE entry_id = 30",
    "entry_missing": """
DELETE FROM ledger_posting WHERE entry_id = 40;
DELETE FROM ledger_entry WHERE entry_id = 40
""",
    "order_without_payment": """
UPDATE orders SET status = 'COMPLETED', completed_at = now()
 WHERE order_id = (SELECT order_id FROM payment WHERE status = 'REFUND_DUE' LIMIT 1)
""",
}
