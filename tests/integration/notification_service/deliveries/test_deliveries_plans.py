"""What operators select from the few that wait reads no delivery that has ended."""

from sqlalchemy import Connection, Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.persistence.deliveries import SqlDeliveries
from tests.support.explained import rows_read_by
from tests.support.notification_builders import a_completed_order

ENDED = """
    WITH made AS (
        INSERT INTO completed_order (event_id, order_id, user_id, currency, total_amount, item_count,
                                     completed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), 7, 'KRW', 1000, 1, now() FROM generate_series(1, 5000)
     RETURNING event_id, order_id)
    INSERT INTO delivery (delivery_id, event_id, order_id, effect, status, attempts, due_at, completed_at)
    SELECT gen_random_uuid(), event_id, order_id, 'ALIMTALK', 'DELIVERED', 1, NULL, now() FROM made
"""


def test_what_is_pending_is_counted_without_what_has_ended(
    engine: Engine, accept_order_events: AcceptOrderEvents
) -> None:
    accept_order_events([a_completed_order() for _ in range(3)])
    selection = DeliverySelection(frozenset({DeliveryStatus.PENDING}), Effect.ALIMTALK)

    def count(connection: Connection, _: int) -> int:
        return SqlDeliveries(connection).count(selection)

    with engine.connect() as connection:
        connection.execute(text(ENDED))
        connection.commit()
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE delivery"))
    with engine.connect() as connection:
        assert SqlDeliveries(connection).count(selection) == 3
        connection.rollback()
        assert rows_read_by(connection, count, 0, "delivery") <= 3
