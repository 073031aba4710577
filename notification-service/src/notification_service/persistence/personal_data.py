"""What the tables hold about people.

A test lists every column, so that one that is added is thought of here, too.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, TextClause, Uuid, text

from notification_service.domain.erasure import Erasure, OperatorNote, Person, PersonalOrder
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import Recipient
from servicekit.db.arrays import hex_array
from servicekit.identifiers import uuid7

# A page at a time, by the key. What is written with more than digits and the usual signs between them is
# compared by the caller.
_ORDERS = text("""
    WITH page AS MATERIALIZED (
        SELECT event_id, user_id, recipient_name, recipient_phone
          FROM completed_order WHERE event_id > :after ORDER BY event_id LIMIT :limit),
    last AS (SELECT (array_agg(event_id ORDER BY event_id))[CAST(:limit AS integer)] AS event_id FROM page)
    SELECT page.*, last.event_id AS last
      FROM last
      LEFT JOIN page ON user_id = :user_id
                     OR (recipient_phone IS NOT NULL
                         AND (regexp_replace(recipient_phone, '[^0-9]', '', 'g') LIKE '%' || :tail || '%'
                              OR (CAST(:tail AS text) IS NOT NULL AND recipient_phone ~ '[^0-9 ()+.-]')))
""").columns(event_id=Uuid, last=Uuid)
_BEFORE_ALL = UUID(int=0)
_COUNTED_ORDERS = text("""
    SELECT completed_order.event_id, completed_order.user_id, recipient_name, recipient_phone
      FROM analytics_order JOIN completed_order USING (event_id)
     WHERE analytics_order.user_id = :user_id AND NOT event_id = ANY(CAST(:event_ids AS uuid[]))
""").columns(event_id=Uuid)
# An alimtalk whose lease has expired is sent by nobody who is still allowed to.
_UNFINISHED = text("""
    SELECT count(*) FILTER (WHERE status = 'SENDING' AND due_at > clock_timestamp()) AS being_sent,
           count(*) FILTER (WHERE status IN ('PENDING', 'UNKNOWN')
                               OR (status = 'SENDING' AND due_at <= clock_timestamp())) AS waiting
      FROM delivery WHERE effect = 'ALIMTALK' AND event_id = ANY(CAST(:event_ids AS uuid[]))
""")
_CUSTOMERS = text("SELECT count(*) FROM customer WHERE user_id = :user_id")

# Rows are never waited for: who holds them may wait for the lock of analytics, which the caller has.
_OF_EVENTS = "event_id = ANY(CAST(:event_ids AS uuid[]))"
_HELD = (
    ("completed_order", _OF_EVENTS),
    ("delivery", _OF_EVENTS),
    ("analytics_order", "user_id = :user_id"),
    ("customer", "user_id = :user_id"),
)
_HOLDS = [
    text(f"""
        WITH held AS (SELECT FROM {table} WHERE {condition} FOR UPDATE SKIP LOCKED)
        SELECT (SELECT count(*) FROM held) = (SELECT count(*) FROM {table} WHERE {condition})
    """)  # noqa: S608 - our own names
    for table, condition in _HELD
]
_GIVE_UP = text(f"""
    UPDATE delivery
       SET status = 'GIVEN_UP', due_at = NULL, claim_id = NULL, completed_at = clock_timestamp(),
           given_up_by = :by, give_up_reason = :reason
     WHERE effect = 'ALIMTALK' AND status IN ('PENDING', 'SENDING', 'UNKNOWN') AND {_OF_EVENTS}
""")  # noqa: S608 - our own text
_ERASE_RECIPIENTS = text(f"""
    UPDATE completed_order SET recipient_name = NULL, recipient_phone = NULL, message_values = NULL
     WHERE {_OF_EVENTS}
""")  # noqa: S608 - our own text
# Former releases stored what receivers had replied.
_ERASE_REPLIES = text(f"""
    UPDATE delivery SET last_error = 'OTHER' WHERE NOT last_error = ANY(:reasons) AND {_OF_EVENTS}
""")  # noqa: S608 - our own text
# Of the orders only those that were found: reading all of them would keep analytics waiting.
_RENAME = [
    text(f"UPDATE {table} SET user_id = :pseudonym WHERE user_id = :user_id {condition}")  # noqa: S608
    for table, condition in (
        ("completed_order", f"AND {_OF_EVENTS}"),
        ("analytics_order", ""),
        ("customer", ""),
    )
]
_RECORD = text("""
    INSERT INTO erasure (erasure_id, erased_by, reason, orders, given_up, customers, notes)
    VALUES (:erasure_id, :by, :reason, :orders, :given_up, :customers, :notes)
""")

NOTES = (
    "delivery.retry_reason",
    "delivery.give_up_reason",
    "alimtalk_provider.resume_reason",
    "handled_dead_letter.reason",
    "erasure.reason",
    "delivery.last_error",
)
"""Columns that hold what operators wrote, or what a provider answered a former release."""
# Of the person's own deliveries, the errors are erased altogether. The condition is the index's.
_RAW_ERROR = "last_error !~ '^[A-Z_]+$' AND NOT ({is_own})"


class SqlPersonalData:
    """People's data on a connection whose transaction belongs to the caller."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def orders(
        self, person: Person, after: UUID | None, limit: int
    ) -> tuple[Sequence[PersonalOrder], UUID | None]:
        tail = None if person.phone is None else person.phone.tail
        parameters = {"after": after or _BEFORE_ALL, "limit": limit, "user_id": person.user_id, "tail": tail}
        rows = self._connection.execute(_ORDERS, parameters).all()
        return [_order(*row[:4]) for row in rows if row.event_id is not None], rows[0].last

    def counted_orders(self, user_id: int, apart_from: Collection[UUID]) -> Sequence[PersonalOrder]:
        rows = self._connection.execute(
            _COUNTED_ORDERS, {"user_id": user_id, "event_ids": hex_array(apart_from)}
        )
        return [_order(*row) for row in rows]

    def unfinished(self, event_ids: Collection[UUID]) -> tuple[int, int]:
        row = self._connection.execute(_UNFINISHED, {"event_ids": hex_array(event_ids)}).one()
        return row.being_sent, row.waiting

    def customers(self, user_id: int) -> int:
        return int(self._connection.execute(_CUSTOMERS, {"user_id": user_id}).scalar_one())

    def hold(self, event_ids: Collection[UUID], user_id: int | None) -> bool:
        parameters = {"event_ids": hex_array(event_ids), "user_id": user_id}
        return all(self._connection.execute(statement, parameters).scalar_one() for statement in _HOLDS)

    def give_up(self, event_ids: Collection[UUID], *, by: str, reason: str) -> int:
        parameters = {"event_ids": hex_array(event_ids), "by": by, "reason": reason}
        return self._connection.execute(_GIVE_UP, parameters).rowcount

    def erase_recipients(self, event_ids: Collection[UUID]) -> None:
        parameters = {"event_ids": hex_array(event_ids), "reasons": [each.value for each in FailureReason]}
        for statement in (_ERASE_RECIPIENTS, _ERASE_REPLIES):
            self._connection.execute(statement, parameters)

    def rename_user(self, event_ids: Collection[UUID], user_id: int, pseudonym: int) -> None:
        parameters = {"event_ids": hex_array(event_ids), "user_id": user_id, "pseudonym": pseudonym}
        for statement in _RENAME:
            self._connection.execute(statement, parameters)

    def notes(self, event_ids: Collection[UUID]) -> Sequence[OperatorNote]:
        parameters = {"event_ids": hex_array(event_ids)}
        return [
            OperatorNote(place, row.note, row.rows, row.is_own)
            for place in NOTES
            for row in self._connection.execute(_notes(place), parameters)
        ]

    def replace_note(self, note: OperatorNote, cleaned: str, event_ids: Collection[UUID]) -> int:
        parameters = {
            "new": cleaned,
            "old": note.text,
            "is_own": note.is_own,
            "event_ids": hex_array(event_ids),
        }
        return self._connection.execute(_replace(note.place), parameters).rowcount

    def record(self, erasure: Erasure, *, by: str, reason: str) -> None:
        self._connection.execute(
            _RECORD,
            {
                "erasure_id": uuid7(),
                "by": by,
                "reason": reason,
                "orders": erasure.orders,
                "given_up": erasure.given_up,
                "customers": erasure.customers,
                "notes": erasure.notes,
            },
        )


def _order(event_id: UUID, user_id: int, name: str | None, phone: str | None) -> PersonalOrder:
    return PersonalOrder(event_id, user_id, None if phone is None else Recipient(name or "", phone))


def _notes(place: str) -> TextClause:
    table, _, column = place.partition(".")
    return text(
        f"SELECT {column} AS note, {_is_own(table)} AS is_own, count(*) AS rows"  # noqa: S608 - our own names
        f" FROM {table} WHERE {_is_note(table, column)} GROUP BY 1, 2 ORDER BY 1, 2"
    )


def _replace(place: str) -> TextClause:
    table, _, column = place.partition(".")
    return text(f"""
        UPDATE {table} SET {column} = :new
         WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM {table}
                WHERE {_is_note(table, column)} AND {column} = :old AND ({_is_own(table)}) = :is_own
                  FOR UPDATE SKIP LOCKED))
    """)  # noqa: S608 - our own names


def _is_note(table: str, column: str) -> str:
    return _RAW_ERROR.format(is_own=_is_own(table)) if column == "last_error" else f"{column} IS NOT NULL"


def _is_own(table: str) -> str:
    # Of the rest nothing says whom it is about.
    return _OF_EVENTS if table == "delivery" else "CAST(:event_ids AS uuid[]) IS NULL"
