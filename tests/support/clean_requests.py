"""Clean requests in any number, and faults to plant among them."""

# ruff: noqa: S608 - statements are put together of our own names and ids

from collections.abc import Iterator, Mapping
from typing import Any

COUPONS = 10
PARTITIONS = 3

_COUPONS = f"""
    INSERT INTO coupon (name, total_quantity, issued_quantity, decided_count, starts_at, ends_at,
                        discount_type, discount_value, created_at)
    SELECT 'benchmark', 10000000, %(each)s / 2, %(each)s, now() - interval '1 day', now() + interval '1 day',
           'AMOUNT', 1, now() - interval '1 day'
      FROM generate_series(1, {COUPONS})
"""
# Of each coupon, the first half is issued. Ids in the order of time, as UUIDv7 are.
_GIVEN = f"""
    SELECT CAST(lpad(to_hex(number), 32, '0') AS uuid) AS id, number,
           1 + (number - 1) %% {COUPONS} AS coupon_id,
           1 + (number - 1) / {COUPONS} AS place, (number - 1) / {COUPONS} < %(each)s / 2 AS is_issued,
           now() - interval '1 hour' AS at
      FROM generate_series(1, {COUPONS} * %(each)s) AS number
"""
_FILL = {
    "coupon_request": "(request_id, coupon_id, user_id, status, reason, decision_number, issue_number,"
    " requested_at, decided_at)"
    " SELECT id, coupon_id, number, CASE WHEN is_issued THEN 'ISSUED' ELSE 'REJECTED' END,"
    " CASE WHEN NOT is_issued THEN 'SOLD_OUT' END, place, CASE WHEN is_issued THEN place END, at, at",
    "user_coupon": "(coupon_id, user_id, request_id, issue_number, issued_at)"
    " SELECT coupon_id, number, id, place, at",
    "outbox": "(id, topic, aggregatetype, aggregateid, type, source, payload)"
    " SELECT id, 'coupon-publish-request', 'coupon', coupon_id::text, 'CouponPublishRequested',"
    " '/coupon-service', json_build_object('eventId', id, 'eventType', 'CouponPublishRequested',"
    " 'version', 1, 'occurredAt', '2026-01-01T00:00:00Z', 'requestId', id,"
    " 'userId', number, 'couponId', coupon_id)",
    "idempotency_key": "(scope, key, fingerprint, reply)"
    " SELECT 'POST users/' || number, id, md5(id::text), jsonb_build_object('requestId', id)",
}


def fill(connection: Any, requests: int) -> None:
    given = {"each": requests // COUPONS}
    with connection.cursor() as cursor:
        cursor.execute(_COUPONS, given)
        for table, columns in _FILL.items():
            only = "WHERE is_issued" if table == "user_coupon" else ""
            cursor.execute(
                f"INSERT INTO {table} {columns} FROM ({_GIVEN}) AS given {only} ORDER BY number", given
            )
            # As autovacuum would have done since.
            cursor.execute(f"VACUUM (ANALYZE) {table}")
        cursor.execute("UPDATE outbox_cursor SET snapshot = pg_current_snapshot()")


def records(connection: Any) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of each event."""
    last = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT position, aggregateid, payload::text FROM outbox WHERE position > %s"
                " ORDER BY position LIMIT 10000",
                (last,),
            )
            rows = cursor.fetchall()
            if not rows:
                return
            for position, key, payload in rows:
                yield int(key) % PARTITIONS, key.encode(), payload.encode()
                last = position


def _id(number: int) -> str:
    rows = f"SELECT request_id FROM coupon_request WHERE coupon_id = {number}"
    return f"({rows} ORDER BY request_id OFFSET 20 LIMIT 1)"


_UNDECIDED = (
    "status = 'ACCEPTED', reason = NULL, decision_number = NULL, issue_number = NULL, decided_at = NULL"
)
# No fault makes a second difference that isn't the fault of another one here.
FAULTS: Mapping[str, str] = {
    "issued_without_user_coupon": "DELETE FROM user_coupon WHERE coupon_id = 1 AND issue_number = 21",
    "issue_number_missing": "DELETE FROM user_coupon WHERE coupon_id = 1 AND issue_number = 22",
    "user_coupon_without_issue": "UPDATE coupon_request SET status = 'REJECTED', reason = 'ENDED',"
    f" issue_number = NULL WHERE request_id = {_id(2)}",
    "user_coupon_disagrees": f"UPDATE coupon_request SET user_id = 999999999 WHERE request_id = {_id(3)}",
    "outbox_event_disagrees": "UPDATE outbox SET aggregateid = '99' WHERE id = (SELECT id FROM outbox"
    " WHERE aggregateid = '4' ORDER BY position LIMIT 1)",
    "outbox_event_without_request": "INSERT INTO outbox"
    " (id, topic, aggregatetype, aggregateid, type, source, payload)"
    " VALUES (gen_random_uuid(), 'coupon-publish-request', 'coupon', '4', 't', 's',"
    " json_build_object('requestId', gen_random_uuid()))",
    "issued_quantity_wrong": "UPDATE coupon SET issued_quantity = issued_quantity - 1 WHERE coupon_id = 5",
    "decided_count_wrong": "UPDATE coupon SET decided_count = decided_count - 1 WHERE coupon_id = 6",
    "decision_number_missing": "UPDATE coupon_request SET decision_number = NULL WHERE coupon_id = 7"
    " AND decision_number = 30",
    "key_without_request": "INSERT INTO idempotency_key (scope, key, fingerprint, reply)"
    " VALUES ('s', 'k', 'f', jsonb_build_object('requestId', gen_random_uuid()))",
    "event_missing": "INSERT INTO coupon_request (request_id, coupon_id, user_id, status, requested_at)"
    " VALUES (gen_random_uuid(), 8, 1, 'ACCEPTED', now() - interval '1 hour')",
    # The request whose user is another: its record is of none that is stored.
    "foreign_record": "SELECT 1",
}
