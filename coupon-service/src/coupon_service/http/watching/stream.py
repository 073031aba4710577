"""One client that watches one request."""

import time
from uuid import UUID

from prometheus_client import Counter

from coupon_service.application.ports import StandingRequest
from coupon_service.domain.errors import CouponRequestNotFound
from coupon_service.domain.line import Line, seconds_until_next_look
from coupon_service.http.watching import messages
from coupon_service.http.watching.connection import Connection

FRONT = 100
"""Up to this place every change is sent; behind it changes are sent less often, to save work."""
HEARTBEAT_SECONDS = 15.0
"""A comment after this much silence keeps load balancers from closing it, and reveals dead clients."""
FIRST_REFRESH_SECONDS = 5.0
"""How long a new stream waits for the database before it is answered 503."""

_SENT = Counter("coupon_watch_events", "Events sent.", ["event"])
_WORSE = Counter("coupon_watch_places_worse", "Places that would have been worse than before; not sent.")
for _name in ("place", "decision", "reconnect"):
    _SENT.labels(_name).inc(0)


class Stream:
    """Sends places that never get worse, then the decision, which ends the connection."""

    __slots__ = (
        "_batch",
        "_connection",
        "_due_at",
        "_place",
        "_sent_at",
        "_unseen",
        "coupon_id",
        "request_id",
    )

    def __init__(self, request_id: UUID, connection: Connection) -> None:
        self.request_id = request_id
        self.coupon_id: int | None = None
        """None until the request is known to be stored."""
        self._connection = connection
        self._batch = -1
        self._place: int | None = None
        self._unseen: Line | None = None
        """The latest line, if it came too early."""
        self._due_at = 0.0
        self._sent_at = time.monotonic()

    def begin(self, request: StandingRequest) -> None:
        """The request is stored and undecided."""
        if self.coupon_id is None:
            self.coupon_id, self._batch = request.coupon_id, request.batch
            self._write(messages.stream_head(self._connection.request_id))

    def move(self, line: Line, now: float) -> None:
        """Send the place in ``line``, if it is time and it is better than the last one."""
        if now < self._due_at or self._connection.is_behind():
            self._unseen = line
            return
        if self._connection.is_over:
            # Its last event is written: no place is sent any more, nor counted.
            return
        self._unseen = None
        place = line.place(self._batch)
        # 0: decided since the line was read. The next refresh brings the decision.
        if place == 0 or not self._is_better(place):
            return
        is_first, self._place = self._due_at == 0, place
        if place is not None or is_first:
            self._write(messages.place_event(self.request_id, place))
            _SENT.labels("place").inc()
        if place is None or place <= FRONT:
            self._due_at = now
        else:
            self._due_at = now + seconds_until_next_look(place)

    def _is_better(self, place: int | None) -> bool:
        if self._place is None:
            return True
        if place is None or place > self._place:
            _WORSE.inc()
            return False
        return place < self._place

    def decide(self, decision: bytes) -> None:
        """The request is decided; ``decision`` is the event."""
        if self._connection.is_over:
            return
        head = messages.stream_head(self._connection.request_id) if self.coupon_id is None else b""
        self._connection.close(head + decision)
        _SENT.labels("decision").inc()

    def reject_unknown(self) -> None:
        """The request does not exist."""
        if self._connection.is_over:
            return
        self._connection.refuse(CouponRequestNotFound())

    def reconnect(self) -> None:
        """The process stops; the client continues with another one."""
        if self._connection.is_over:
            return
        if self.coupon_id is None:
            self._connection.try_later("stopping", "This process stops. Connect again.")
            return
        self._connection.close(messages.reconnect_event())
        _SENT.labels("reconnect").inc()

    def sweep(self, now: float) -> None:
        """Called once a second."""
        if self._connection.is_over:
            return
        if self.coupon_id is None:
            if now - self._sent_at > FIRST_REFRESH_SECONDS:
                self._connection.try_later("database-unavailable", "The database can't be read. Try again.")
            return
        if self._unseen is not None:
            # The line may stand still from now on: no other one would bring this place.
            self.move(self._unseen, now)
        quiet_seconds = 0.0 if self._connection.is_half_closed else HEARTBEAT_SECONDS
        if now - self._sent_at > quiet_seconds and not self._connection.is_behind():
            self._write(messages.HEARTBEAT)

    def _write(self, data: bytes) -> None:
        self._connection.write(data)
        self._sent_at = time.monotonic()
