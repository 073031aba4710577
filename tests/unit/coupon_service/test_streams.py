"""What a refresh finds reaches those streams that were open when it began."""

from uuid import UUID

import pytest

from coupon_service.application.ports import StandingRequest
from coupon_service.application.watch_requests import Round
from coupon_service.domain.line import Line
from coupon_service.http.watching.connection import Connection
from coupon_service.http.watching.streams import Streams
from tests.unit.coupon_service.transports import RecordingTransport, a_connection

REQUEST_ID = UUID(int=1)
WATCHED = StandingRequest(coupon_id=1, batch=7, is_undecided=True, decided_count=0)


def a_round(place: int) -> Round:
    return Round({REQUEST_ID: WATCHED}, (), {}, {1: Line.of([7], [place], 8)})


@pytest.fixture
def streams() -> Streams:
    return Streams()


def an_open_stream(streams: Streams) -> tuple[Connection, RecordingTransport]:
    connection, transport = a_connection()
    streams.open(REQUEST_ID, connection)
    return connection, transport


def test_a_stream_opened_during_a_refresh_waits_for_the_next_one(streams: Streams) -> None:
    """Its client may know a newer place, from a poll or from another process."""
    _, first = an_open_stream(streams)
    assert streams.take_changes() == ({REQUEST_ID}, set())
    _, second = an_open_stream(streams)
    streams.publish(a_round(5))
    assert (first.places, second.written) == ([5], b"")
    assert streams.take_changes() == ({REQUEST_ID}, set())
    streams.publish(a_round(3))
    assert (first.places, second.places) == ([5, 3], [3])


def test_a_request_stored_during_a_refresh_is_not_unknown(streams: Streams) -> None:
    _, first = an_open_stream(streams)
    streams.take_changes()
    _, second = an_open_stream(streams)
    streams.publish(Round({}, {REQUEST_ID}, {}, {}))
    assert first.written.startswith(b"HTTP/1.1 404 ")
    assert second.written == b""


def test_a_refresh_that_fails_leaves_its_streams_to_the_next_one(streams: Streams) -> None:
    _, transport = an_open_stream(streams)
    streams.take_changes()
    assert streams.take_changes() == (set(), set())
    streams.publish(a_round(5))
    assert transport.places == [5]


def test_a_request_has_left_once_its_last_stream_is_closed(streams: Streams) -> None:
    first, _ = an_open_stream(streams)
    streams.take_changes()
    second, _ = an_open_stream(streams)
    streams.close(first)
    assert streams.take_changes() == ({REQUEST_ID}, set())
    streams.close(second)
    assert streams.take_changes() == (set(), {REQUEST_ID})
    streams.close(an_open_stream(streams)[0])
    an_open_stream(streams)
    assert streams.take_changes() == ({REQUEST_ID}, set())
