"""All open streams, and how a refresh reaches them."""

import time
from collections import defaultdict
from typing import TypeVar
from uuid import UUID

from coupon_service.application.watch_requests import Round
from coupon_service.http.watching import messages
from coupon_service.http.watching.connection import Connection
from coupon_service.http.watching.stream import Stream

_Key = TypeVar("_Key", UUID, int)


class Streams:
    """The open streams, by connection, request and coupon."""

    def __init__(self) -> None:
        self._by_connection: dict[Connection, Stream] = {}
        self._by_request: defaultdict[UUID, set[Stream]] = defaultdict(set)
        self._by_coupon: defaultdict[int, set[Stream]] = defaultdict(set)
        self._opened: set[Stream] = set()
        """Since the last refresh began: their clients may know a newer place than it finds, by a poll."""
        self._left: set[UUID] = set()

    def __len__(self) -> int:
        return len(self._by_connection)

    def open(self, request_id: UUID, connection: Connection) -> None:
        stream = self._by_connection[connection] = Stream(request_id, connection)
        self._by_request[request_id].add(stream)
        self._left.discard(request_id)
        self._opened.add(stream)

    def close(self, connection: Connection) -> None:
        """The connection has ended, whether or not it had a stream."""
        stream = self._by_connection.pop(connection, None)
        if stream is None:
            return
        self._opened.discard(stream)
        if stream.coupon_id is not None:
            _discard(self._by_coupon, stream.coupon_id, stream)
        _discard(self._by_request, stream.request_id, stream)
        if stream.request_id not in self._by_request:
            self._left.add(stream.request_id)

    def take_changes(self) -> tuple[set[UUID], set[UUID]]:
        """The requests of which a stream opened, and whose last one closed, since the last call."""
        changes = {stream.request_id for stream in self._opened}, self._left
        self._opened, self._left = set(), set()
        return changes

    def publish(self, found: Round) -> None:
        """``found`` by the refresh that got the last changes."""
        for request_id in found.unknown:
            for stream in self._of_request(request_id) - self._opened:
                stream.reject_unknown()
        for request_id, request in found.found.items():
            for stream in self._of_request(request_id) - self._opened:
                stream.begin(request)
                self._by_coupon[request.coupon_id].add(stream)
        for request_id, view in found.decided.items():
            decision = messages.decision_event(view)
            for stream in self._of_request(request_id):
                stream.decide(decision)
        now = time.monotonic()
        for coupon_id, line in found.lines.items():
            for stream in self._by_coupon.get(coupon_id, ()):
                stream.move(line, now)

    def sweep(self, now: float) -> None:
        for stream in self._by_connection.values():
            stream.sweep(now)

    def reconnect(self) -> None:
        for stream in self._by_connection.values():
            stream.reconnect()

    def _of_request(self, request_id: UUID) -> set[Stream]:
        return self._by_request.get(request_id, set())


def _discard(streams: defaultdict[_Key, set[Stream]], key: _Key, stream: Stream) -> None:
    streams[key].discard(stream)
    if not streams[key]:
        del streams[key]
