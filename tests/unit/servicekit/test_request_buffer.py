"""Requests are the same, in whatever pieces their bytes arrive."""

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidChunkSize
from hypothesis import given
from hypothesis import strategies as st

from servicekit.http.request_buffer import RequestBuffer
from servicekit.http.validation import MAX_BODY_BYTES

HEAD = b"POST /things HTTP/1.1\r\nHost: x\r\n"
bodies = st.binary(max_size=300)
requests = st.one_of(
    st.builds(lambda body: (body, HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)), bodies),
    st.builds(
        lambda chunks, trailer: (
            b"".join(chunks),
            HEAD
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
            + b"0\r\n"
            + trailer
            + b"\r\n",
        ),
        st.lists(st.binary(min_size=1, max_size=40), max_size=8),
        st.sampled_from([b"", b"X-Sum: 1\r\n"]),
    ),
    st.just((b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
)


def taken(buffer: RequestBuffer) -> list[bytes]:
    """The bodies of all requests that are whole."""
    found = []
    while (request := buffer.take()) is not None:
        found.append(request.body.read())
    return found


@given(st.lists(requests, max_size=4), st.lists(st.integers(1, 200), min_size=1))
def test_every_request_is_taken_once_it_is_whole(sent: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    buffer = RequestBuffer(Config(), ("127.0.0.1", 1))
    data = b"".join(raw for _, raw in sent)
    found: list[bytes] = []
    ends = [sum(len(raw) for _, raw in sent[: count + 1]) for count in range(len(sent))]
    position = 0
    while position < len(data):
        size = sizes[position % len(sizes)]
        buffer.feed(data[position : position + size])
        position += size
        found += taken(buffer)
        assert len(found) == sum(end <= position for end in ends)
    assert found == [body for body, _ in sent]
    assert buffer.is_empty


@pytest.mark.parametrize(
    "start",
    [b"Content-Length: 70000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n20000\r\n"],
    ids=["declared", "in one chunk"],
)
def test_no_more_is_kept_of_a_body_than_shows_that_it_is_too_long(start: bytes) -> None:
    buffer = RequestBuffer(Config(), ("127.0.0.1", 1))
    buffer.feed(HEAD + start)
    for _ in range(2 * MAX_BODY_BYTES // 1024):
        request = buffer.take()
        if request is not None:
            break
        buffer.feed(b"x" * 1024)
    assert request is not None
    assert request.should_close()


def test_an_endless_row_of_tiny_chunks_is_not_kept() -> None:
    buffer = RequestBuffer(Config(), ("127.0.0.1", 1))
    buffer.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    row = b"1;" + b"x" * 1000 + b"\r\nx\r\n"

    def feed_it_all() -> None:
        for _ in range(2_000):
            buffer.feed(row)
            assert buffer.take() is None

    with pytest.raises(InvalidChunkSize):
        feed_it_all()
