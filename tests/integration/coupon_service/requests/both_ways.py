"""One application, asked through its front and in Flask: what both say, and what both count."""

import re
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace

from flask import Flask
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from servicekit.http.front import front_of
from servicekit.http.request_buffer import RequestBuffer
from servicekit.http.wsgi_reply import wsgi_reply

CLIENT, SERVER = ("127.0.0.1", 40_000), ("127.0.0.1", 8001)
TRACE = f"00-{11:032x}-{1:016x}-01"
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(rb"\r\nDate: [^\r]*")
_RETRY_AFTER = re.compile(rb"Retry-After: [1-5]\r")
_NEXT_POLL = re.compile(rb'"nextPollSeconds":[0-9.]+')


@dataclass(frozen=True)
class Sent:
    """A request. Its target has names in braces; ``{side}`` in a header differs a side."""

    method: str
    target: str
    version: str = "1.1"
    headers: tuple[tuple[str, str], ...] = (("Host", "shop.example"), ("Content-Length", "0"))
    body: bytes = b""

    def with_headers(self, *headers: tuple[str, str]) -> "Sent":
        return replace(self, headers=(*self.headers, *headers))


class Sides:
    """``names`` are what targets have in braces."""

    def __init__(self, application: Flask, names: Mapping[str, object]) -> None:
        self._application = application
        self._front = front_of(application)
        self._names = names

    def request(self, sent: Sent, side: str) -> Request | None:
        """As the connection's loop makes it; None for what the parser refuses or doesn't find whole."""
        target = sent.target.format(**self._names)
        lines = [f"{name}: {value.replace('{side}', side)}" for name, value in sent.headers]
        head = "\r\n".join([f"{sent.method} {target} HTTP/{sent.version}", *lines, "", ""])
        buffer = RequestBuffer(Config(), CLIENT)
        buffer.feed(head.encode("latin-1") + sent.body)
        try:
            return buffer.take()
        except ParseException:
            return None

    def begin(self, sent: Sent, side: str) -> Future[bytes | None] | bytes | None:
        """What the front says to it at once, or will say."""
        request = self.request(sent, side)
        reply = None if request is None else self._front(request)
        if reply is None or isinstance(reply, bytes):
            return reply
        future: Future[bytes | None] = Future()
        reply(future.set_result)
        return future

    def at_front(self, sent: Sent, side: str) -> bytes | None:
        """None for what the front leaves to the application."""
        reply = self.begin(sent, side)
        return reply.result(30) if isinstance(reply, Future) else reply

    def in_flask(self, sent: Sent, side: str) -> bytes:
        request = self.request(sent, side)
        assert request is not None
        reply, stays_open = wsgi_reply(self._application, request, CLIENT, SERVER, Config())
        assert stays_open or not is_kept(reply)
        return reply


def is_kept(reply: bytes) -> bool:
    return b"\r\nConnection: keep-alive\r\n" in reply


def without_differences(reply: bytes) -> bytes:
    """Without what differs between any two replies."""
    _, _, body = reply.partition(b"\r\n\r\n")
    same = {
        _UUID: b"<uuid>",
        _DATE: b"",
        _RETRY_AFTER: b"Retry-After: n\r",
        _NEXT_POLL: b'"nextPollSeconds":n',
        # The body's number is shorter at times.
        re.compile(b"Content-Length: %d\r" % len(body)): b"Content-Length: right\r",
    }
    for pattern, replacement in same.items():
        reply = pattern.sub(replacement, reply)
    return reply


def counted() -> Counter[str]:
    """How many answers the metrics know, by status."""
    counts = Counter[str]()
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            if sample.name in ("http_requests_total", "http_request_duration_seconds_count"):
                counts[f"{sample.name} {sorted(sample.labels.items())}"] += int(sample.value)
    return counts


def header(name: str, *values: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(name), st.sampled_from(values))


names = st.from_regex(r"[A-Za-z][A-Za-z_-]{0,12}", fullmatch=True)
values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=12)
odd_headers = st.one_of(
    header("Host", "x", "127.0.0.1:80", "a..b", "A.B", "a_b", "[::1]:80", "x" * 64, "", "a b", "a.b:99999"),
    header("Connection", "keep-alive", "close", "Keep-Alive", "upgrade", "keep-alive, x"),
    header("Content-Length", "0", "00", "2", "+0"),
    header("Transfer-Encoding", "chunked", "identity"),
    header("Content-Type", "application/json", "text/plain", ""),
    header("Expect", "100-continue", "x"),
    header("Upgrade", "websocket", "h2c"),
    header("Idempotency-Key", "k{side}", "a b", "", "ü", "x" * 255, "x" * 256, '{side}"\\,{}', "{side}'"),
    header("Idempotency-Key-Set-By", "load-balancer", ""),
    header("X-Request-Id", "mine", "a b", "x" * 129, "", "a:b._-"),
    header("traceparent", TRACE, "00-1-1-01", "", TRACE + "-x"),
    header("tracestate", "a=b", "=", ""),
    header("X-Forwarded-For", "1.2.3.4", "x"),
    header("X-Forwarded-Proto", "https", "http"),
    header("X-HTTP-Method-Override", "GET"),
    header("Cookie", "a=b"),
    header("Accept", "text/html", "*/*"),
    header("Range", "bytes=0-1"),
    header("If-None-Match", "*"),
    header("SCRIPT_NAME", "/api"),
    st.tuples(names, values),
)


def sent_requests(method: str, targets: st.SearchStrategy[str]) -> st.SearchStrategy[Sent]:
    """Requests of which most are of this method, and plain but for a few headers."""
    return st.builds(
        Sent,
        method=st.sampled_from(
            [method] * 8 + ["GET", "POST", "PUT", "HEAD", "OPTIONS", method.lower(), "DELETE"]
        ),
        target=targets,
        version=st.sampled_from(["1.1"] * 8 + ["1.0"]),
        headers=st.lists(odd_headers, max_size=5).map(
            lambda drawn: tuple(
                [] if any(name == "Host" for name, _ in drawn) else [("Host", "shop.example")]
            ) + tuple(drawn)
        ),
        body=st.sampled_from([b"", b"", b"", b"{}", b"0\r\n\r\n", b"[]"]),
    )  # fmt: skip
