"""A stream of places: none worse than before, and none for a client that does not read."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from coupon_service.application.ports import StandingRequest
from coupon_service.domain.line import Line
from coupon_service.http.watching import connection as connection_module
from coupon_service.http.watching.connection import Connection
from coupon_service.http.watching.stream import FIRST_REFRESH_SECONDS, FRONT, HEARTBEAT_SECONDS, Stream
from tests.unit.coupon_service.transports import HEAD_SECONDS, RecordingTransport, a_connection

REQUEST_ID = UUID(int=1)
BATCH = 7
NOW = 1_000.0


@pytest.fixture
def transport() -> RecordingTransport:
    return RecordingTransport()


@pytest.fixture
def connection(transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr("time.monotonic", lambda: NOW)
    made, _ = a_connection(transport)
    yield made
    made.connection_lost(None)


@pytest.fixture
def stream(connection: Connection) -> Stream:
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    begun = Stream(REQUEST_ID, connection)
    begun.begin(StandingRequest(coupon_id=1, batch=BATCH, is_undecided=True, decided_count=0))
    return begun


def a_line(place: int, *, settled: bool = True) -> Line:
    return Line.of([BATCH], [place], BATCH + 1 if settled else BATCH)


def test_a_worse_place_is_not_sent(stream: Stream, transport: RecordingTransport) -> None:
    for place in (9, 5, 6, 5, 4, 9, 3):
        stream.move(a_line(place), NOW)
    stream.move(a_line(2, settled=False), NOW)
    assert transport.places == [9, 5, 4, 3]


def test_an_unknown_place_is_sent_once_at_the_beginning(
    stream: Stream, transport: RecordingTransport
) -> None:
    stream.move(a_line(9, settled=False), NOW)
    stream.move(a_line(9, settled=False), NOW)
    stream.move(a_line(8), NOW)
    assert transport.places == [None, 8]


def test_changes_far_from_the_front_are_sent_less_often(
    stream: Stream, transport: RecordingTransport
) -> None:
    for second, place in enumerate((FRONT + 4_000, FRONT + 3_000, FRONT + 2_000)):
        stream.move(a_line(place), NOW + second)
    stream.move(a_line(FRONT), NOW + 20)
    stream.move(a_line(FRONT - 1), NOW + 20)
    assert transport.places == [FRONT + 4_000, FRONT, FRONT - 1]


def test_a_client_that_does_not_read_gets_only_the_latest_place_afterwards(
    stream: Stream, transport: RecordingTransport
) -> None:
    stream.move(a_line(9), NOW)
    transport.unread = 1_000_000
    stream.move(a_line(8), NOW)
    stream.move(a_line(7), NOW)
    transport.unread = 0
    stream.move(a_line(6), NOW)
    assert transport.places == [9, 6]


def test_a_line_that_stands_still_leaves_no_client_with_an_old_place(
    stream: Stream, transport: RecordingTransport
) -> None:
    stream.move(a_line(FRONT + 4_000), NOW)
    stream.move(a_line(FRONT + 500), NOW + 1)
    stream.move(a_line(FRONT + 50), NOW + 2)
    stream.sweep(NOW + 2)
    assert transport.places == [FRONT + 4_000]
    for second in (12, 13):
        stream.sweep(NOW + second)
    assert transport.places == [FRONT + 4_000, FRONT + 50]


def test_a_client_that_reads_again_gets_the_place_that_it_missed(
    stream: Stream, transport: RecordingTransport
) -> None:
    stream.move(a_line(9), NOW)
    transport.unread = 1_000_000
    stream.move(a_line(8), NOW)
    stream.sweep(NOW + 1)
    transport.unread = 0
    stream.sweep(NOW + 2)
    assert transport.places == [9, 8]


def test_a_client_that_does_not_read_is_disconnected(
    stream: Stream, connection: Connection, transport: RecordingTransport
) -> None:
    transport.unread = 1
    connection.sweep(NOW)
    connection.sweep(NOW + connection_module.UNREAD_SECONDS)
    assert not transport.is_aborted
    connection.sweep(NOW + connection_module.UNREAD_SECONDS + 1)
    assert transport.is_aborted


def test_a_client_that_reads_again_stays_connected(
    stream: Stream, connection: Connection, transport: RecordingTransport
) -> None:
    for second in range(100):
        transport.unread = second % 2
        connection.sweep(NOW + second)
    assert not transport.is_aborted


def test_a_decision_that_is_not_read_is_given_up_like_a_slow_request(
    stream: Stream, connection: Connection, transport: RecordingTransport
) -> None:
    stream.decide(b"event: decision\n\n")
    transport.unread = 1
    connection.sweep(NOW)
    connection.sweep(NOW + HEAD_SECONDS + 1)
    assert transport.is_aborted


def test_a_request_that_does_not_end_is_disconnected(
    connection: Connection, transport: RecordingTransport
) -> None:
    connection.data_received(b"GET / HT")
    connection.sweep(NOW + HEAD_SECONDS)
    assert not transport.is_aborted
    connection.sweep(NOW + HEAD_SECONDS + 1)
    assert transport.is_aborted


def test_a_silent_stream_sends_a_heartbeat(stream: Stream, transport: RecordingTransport) -> None:
    before = transport.written
    stream.sweep(NOW + HEARTBEAT_SECONDS)
    assert transport.written == before
    stream.sweep(NOW + HEARTBEAT_SECONDS + 1)
    assert transport.written == before + b":\n\n"


def refused() -> float:
    return REGISTRY.get_sample_value("coupon_watchers_refused_total", {"status": "503"}) or 0.0


def test_a_stream_that_waits_too_long_is_refused_once(
    connection: Connection, transport: RecordingTransport
) -> None:
    """Its client may take its time to read the refusal."""
    before = refused()
    waiting = Stream(REQUEST_ID, connection)
    for second in (1, 2):
        waiting.sweep(NOW + FIRST_REFRESH_SECONDS + second)
    waiting.reconnect()
    assert transport.written.count(b"HTTP/1.1 503 ") == 1
    assert refused() == before + 1
