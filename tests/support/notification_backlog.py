"""Alimtalk that waits to be sent, as after an outage of its provider."""

from sqlalchemy import Engine, text

_BACKLOG = text("""
    WITH orders AS (
        INSERT INTO completed_order (event_id, order_id, user_id, currency, total_amount, item_count,
                                     recipient_name, recipient_phone, completed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), number, 'KRW', 30000, 2, '김하늘',
               '010-1234-' || lpad((number % 10000)::text, 4, '0'), clock_timestamp()
          FROM generate_series(1, :number) AS number
     RETURNING event_id, order_id)
    INSERT INTO delivery (delivery_id, event_id, order_id, effect, status, attempts)
    SELECT gen_random_uuid(), event_id, order_id, 'ALIMTALK', 'PENDING', 0 FROM orders
""")


def add_backlog(engine: Engine, messages: int) -> None:
    """So many due messages, of orders whose other effects are done, to thousands of numbers."""
    with engine.begin() as connection:
        connection.execute(_BACKLOG, {"number": messages})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
