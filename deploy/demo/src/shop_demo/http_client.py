"""HTTP as a patient client does it: the same request again, with the same key, until there is an answer."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_exception_type, stop_after_delay
from tenacity.wait import wait_random

from shop_demo.clock import HostClock
from shop_demo.errors import NotAnswered, Unexpected

CONNECTIONS = 100
_ATTEMPT_TIMEOUT_SECONDS = 30
_ASK_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT_SECONDS = 2.0
_spread = wait_random(0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    sent_at_ns: int
    """Just before the first attempt was written to its connection."""
    answered_at_ns: int
    attempts: int

    def expect(self, status: int) -> dict[str, Any]:
        """The body of an answer that has this status; any other raises."""
        if self.status != status:
            raise Unexpected(f"expected {status}, got {self.status}: {self.body}")
        return self.body


@dataclass(slots=True)
class _Exchange:
    clock: HostClock
    sent_at_ns: int | None = None
    attempts: int = 0

    def about_to_write(self) -> None:
        if self.sent_at_ns is None:
            self.sent_at_ns = self.clock.now_ns()


@dataclass(slots=True)
class _AskAgain(Exception):
    """A passing failure; the answer may say when to come back."""

    reason: str
    retry_after_seconds: float | None = field(default=None)


_Reader = Callable[[aiohttp.ClientResponse, bytes], dict[str, Any]]


def _json_object(response: aiohttp.ClientResponse, content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content or b"{}")
    except ValueError as error:
        raise Unexpected(f"{response.status} from {response.url} without JSON: {content[:200]!r}") from error
    if not isinstance(body, dict):
        raise Unexpected(f"{response.status} from {response.url} with no JSON object: {content[:200]!r}")
    return body


def _page(response: aiohttp.ClientResponse, content: bytes) -> dict[str, Any]:
    return {"html": content.decode(), "location": response.headers.get("Location")}


class HttpClient:
    """Any number of requests at once, over at most CONNECTIONS connections.

    A request is repeated as it is while the connection fails, or the answer is one of those that pass (502,
    503, 504, 429, or anything that carries Retry-After), until the deadline. So a POST needs its key.
    """

    def __init__(self, session: aiohttp.ClientSession, clock: HostClock, deadline_seconds: float) -> None:
        self._session = session
        self._clock = clock
        self._deadline_seconds = deadline_seconds

    async def post(
        self,
        url: str,
        key: str,
        body: Mapping[str, object] | None = None,
        *,
        answers: frozenset[int] = frozenset(),
    ) -> Answer:
        """`answers` are statuses that end the exchange although they would pass."""
        headers = {"Idempotency-Key": key}
        return await self._answer("POST", url, answers=answers, json=body, headers=headers)

    async def browse(self, url: str, form: Mapping[str, str] | None = None, **params: str) -> dict[str, Any]:
        """A page as a browser gets it: its `html`, and the `location` that it is sent on to."""
        method = "GET" if form is None else "POST"
        options: dict[str, Any] = {"data": form, "params": params, "allow_redirects": False}
        return (await self._answer(method, url, read=_page, **options)).body

    async def put(self, url: str, body: Mapping[str, object]) -> dict[str, Any]:
        return (await self._answer("PUT", url, json=body)).expect(200)

    async def get(self, url: str, **params: str | int) -> dict[str, Any]:
        return (await self._answer("GET", url, params=params)).expect(200)

    async def _answer(
        self,
        method: str,
        url: str,
        *,
        answers: frozenset[int] = frozenset(),
        read: _Reader = _json_object,
        **options: Any,
    ) -> Answer:
        exchange = _Exchange(self._clock)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((_AskAgain, aiohttp.ClientError, TimeoutError)),
            stop=stop_after_delay(self._deadline_seconds),
            wait=_wait_seconds,
        )
        try:
            return await retrying(self._attempt, exchange, method, url, answers, read, options)
        except RetryError as error:
            cause = error.last_attempt.exception()
            raise NotAnswered(f"{method} {url}, {exchange.attempts} times: {cause!r}") from error

    async def _attempt(
        self,
        exchange: _Exchange,
        method: str,
        url: str,
        answers: frozenset[int],
        read: _Reader,
        options: dict[str, Any],
    ) -> Answer:
        exchange.attempts += 1
        async with self._session.request(method, url, trace_request_ctx=exchange, **options) as response:
            content = await response.read()
            answered_at_ns = self._clock.now_ns()
            passes = response.status in _ASK_AGAIN or "Retry-After" in response.headers
            if passes and response.status not in answers:
                raise _AskAgain(f"{response.status} {content[:200]!r}", _retry_after_seconds(response))
            body = read(response, content)
        sent_at_ns = answered_at_ns if exchange.sent_at_ns is None else exchange.sent_at_ns
        return Answer(response.status, body, sent_at_ns, answered_at_ns, exchange.attempts)


@asynccontextmanager
async def http_client(clock: HostClock, deadline_seconds: float) -> AsyncIterator[HttpClient]:
    tracing = aiohttp.TraceConfig()
    # These two, unlike on_request_start, come after the wait for a free connection.
    tracing.on_connection_create_end.append(_about_to_write)
    tracing.on_connection_reuseconn.append(_about_to_write)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        # Waiting for a free connection is no failure of the server: only what follows it is bounded.
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=_ATTEMPT_TIMEOUT_SECONDS, sock_read=_ATTEMPT_TIMEOUT_SECONDS
        ),
        trace_configs=[tracing],
    ) as session:
        yield HttpClient(session, clock, deadline_seconds)


async def _about_to_write(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.about_to_write()


def _retry_after_seconds(response: aiohttp.ClientResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None


def _wait_seconds(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked_for = error.retry_after_seconds if isinstance(error, _AskAgain) else None
    return min(asked_for or 0.0, _LONGEST_WAIT_SECONDS) + _spread(state)
