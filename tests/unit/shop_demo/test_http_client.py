"""The client's patience, against a server that fails as reported."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from shop_demo.clock import HostClock
from shop_demo.errors import NotAnswered, Unexpected
from shop_demo.http_client import Answer, HttpClient, http_client

pytestmark = pytest.mark.unit

Reply = Callable[[web.Request], web.StreamResponse]


def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def unavailable(_: web.Request) -> web.StreamResponse:
    return web.json_response({}, status=503, headers={"Retry-After": "0"})


def in_progress(_: web.Request) -> web.StreamResponse:
    return web.json_response({}, status=409, headers={"Retry-After": "0"})


def conflict(_: web.Request) -> web.StreamResponse:
    return web.json_response({"type": "urn:problem:conflict"}, status=409)


def accepted(_: web.Request) -> web.StreamResponse:
    return web.json_response({"requestId": "r"}, status=202)


def after(
    *replies: Reply,
    deadline_seconds: float = 10,
    ask: Callable[[HttpClient, str], Awaitable[Answer]] = lambda client, url: client.post(url, "key-1"),
) -> tuple[Answer, list[str | None]]:
    """The answer to a request that is met with `replies` in turn, and the keys that it was sent with."""
    keys: list[str | None] = []
    remaining = list(replies)

    async def serve(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers.get("Idempotency-Key"))
        reply = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return reply(request)

    async def run() -> Answer:
        app = web.Application()
        app.router.add_route("*", "/", serve)
        async with TestServer(app) as server, http_client(HostClock(), deadline_seconds) as client:
            return await ask(client, str(server.make_url("/")))

    return asyncio.run(run()), keys


def test_a_post_is_repeated_with_its_key_until_it_is_answered() -> None:
    answer, keys = after(hang_up, unavailable, in_progress, accepted)
    assert answer.expect(202) == {"requestId": "r"}
    assert (answer.attempts, keys) == (4, ["key-1"] * 4)


def test_the_time_sent_is_that_of_the_first_attempt() -> None:
    clock = HostClock()
    before_ns = clock.now_ns()
    answer, _ = after(unavailable, accepted)
    assert before_ns < answer.sent_at_ns < answer.answered_at_ns
    # The pause before the second attempt lies between them.
    assert answer.answered_at_ns - answer.sent_at_ns > 50_000_000


def test_an_answer_that_will_not_change_is_not_asked_for_again() -> None:
    answer, keys = after(conflict)
    assert len(keys) == 1
    with pytest.raises(Unexpected, match=r"expected 202, got 409: .*urn:problem:conflict"):
        answer.expect(202)


def test_an_answer_without_json_is_named() -> None:
    with pytest.raises(Unexpected, match=r"500 from http.* without JSON: b'<h1>Oops'"):
        after(lambda _: web.Response(status=500, text="<h1>Oops"))


def test_patience_ends() -> None:
    with pytest.raises(NotAnswered, match="503"):
        after(unavailable, deadline_seconds=0.3)
