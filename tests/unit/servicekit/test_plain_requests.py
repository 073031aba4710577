"""A front takes a request only if nothing about it needs a closer look."""

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request

from servicekit.http.front import headers_if_plain
from servicekit.http.front_request import FrontRequest
from servicekit.http.request_buffer import RequestBuffer

LINE = "POST /things HTTP/1.1"
HOST = "Host: shop.example"


def parsed(line: str, *headers: str, body: str = "") -> Request:
    buffer = RequestBuffer(Config(), ("127.0.0.1", 40_000))
    buffer.feed("\r\n".join([line, *headers, "", body]).encode("latin-1"))
    request = buffer.take()
    assert request is not None
    return request


def test_a_plain_request_has_its_headers_by_upper_case_name() -> None:
    request = parsed(LINE, "hOst: shop.example:80", "Content-Length: 0", "Connection: keep-alive", "X-A: b")
    assert headers_if_plain(request) == {
        "HOST": "shop.example:80", "CONTENT-LENGTH": "0", "CONNECTION": "keep-alive", "X-A": "b"
    }  # fmt: skip


@pytest.mark.parametrize("host", ["shop.example", "x", "127.0.0.1:80", "a.b.c.d:65535"])
def test_a_host_may_have_a_port(host: str) -> None:
    assert headers_if_plain(parsed(LINE, f"Host: {host}")) is not None


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        ("POST /things?a=1 HTTP/1.1", [HOST], ""),
        ("POST /things# HTTP/1.1", [HOST], ""),
        ("POST http://shop.example/things HTTP/1.1", [HOST], ""),
        ("POST /things HTTP/1.2", [HOST], ""),
        ("POST /things HTTP/1.0", [], ""),
        (LINE, [], ""),
        (LINE, ["Host: a..b"], ""),
        (LINE, ["Host: A.B"], ""),
        (LINE, ["Host: [::1]:80"], ""),
        (LINE, ["Host: a.b:999999"], ""),
        (LINE, [HOST, "Accept: a", "Accept: b"], ""),
        (LINE, [HOST, "Idempotency-Key: a", "idempotency-key: a"], ""),
        (LINE, [HOST, "Content-Length: 2"], "{}"),
        (LINE, [HOST, "Content-Length: 00"], ""),
        (LINE, [HOST, "Transfer-Encoding: chunked"], "0\r\n\r\n"),
        (LINE, [HOST, "Connection: upgrade"], ""),
        (LINE, [HOST, "Connection: keep-alive, x"], ""),
        (LINE, [HOST, "Upgrade: h2c"], ""),
        (LINE, [HOST, "Expect: 100-continue"], ""),
        (LINE, [HOST, "SCRIPT_NAME: /api"], ""),
    ],
)
def test_what_needs_a_closer_look_is_not_plain(line: str, headers: list[str], body: str) -> None:
    assert headers_if_plain(parsed(line, *headers, body=body)) is None


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        (LINE, [HOST, "connection: close"]),
        ("POST /things HTTP/1.0", [HOST]),
        ("POST /things HTTP/1.0", [HOST, "Connection: close"]),
        ("POST /things HTTP/1.0", [HOST, "Connection: keep-alive"]),
    ],
)
def test_a_request_of_a_load_balancer_is_plain(line: str, headers: list[str]) -> None:
    assert headers_if_plain(parsed(line, *headers)) is not None


def test_a_server_that_stops_closes_what_its_front_answers() -> None:
    request = parsed(LINE, HOST)
    request.force_close()
    headers = headers_if_plain(request)
    assert headers is not None
    own = FrontRequest("POST", "/things", request, headers)
    assert b"\r\nConnection: close\r\n" in own.reply(200, b"{}", {})
