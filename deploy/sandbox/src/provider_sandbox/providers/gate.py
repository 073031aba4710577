"""What every request meets on its way to a double: the record, latency, the limit of calls, and faults."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Generic

from flask import Response

from provider_sandbox.controls import ControlSource
from provider_sandbox.providers.controls import SENDING_FAULTS, ProviderFaultsT, timing_out
from provider_sandbox.providers.rate_limit import RateLimit
from provider_sandbox.providers.refusal import Refusal, Refusals
from provider_sandbox.received import described
from provider_sandbox.request_record import RequestRecord
from servicekit.http.replies import json_reply

IDEMPOTENCY_HEADER = "X-NC-API-IDEMPOTENCY-KEY"
Answer = Callable[[], Mapping[str, Any] | Response]
"""What a call does and answers. Raises Refusal, or ValueError for a request that isn't well formed."""


class Gate(Generic[ProviderFaultsT]):
    """The gate of one provider."""

    def __init__(
        self,
        provider: str,
        controls: ControlSource[ProviderFaultsT],
        requests: RequestRecord,
        refusals: Refusals,
        authenticate: Callable[[], None],
    ) -> None:
        """``authenticate`` raises the provider's refusal of the request that is being served."""
        self._provider = provider
        self._controls = controls
        self._requests = requests
        self._refusals = refusals
        self._authenticate = authenticate
        self._limit = RateLimit()

    def send(self, answer: Answer, *, is_faulty: bool = True) -> Response:
        """Answer a request that sends or prepares sending; ``is_faulty`` says that it meets faults."""
        return self._serve(answer, SENDING_FAULTS if is_faulty else ())

    def look_up(self, answer: Answer) -> Response:
        """Answer a request that only reads."""
        return self._serve(answer, ("fail_next_lookups",))

    def _serve(self, answer: Answer, counts: tuple[str, ...]) -> Response:
        sequence = self._requests.begin(self._provider, IDEMPOTENCY_HEADER, time.time())
        self._controls.delay()
        fault: str | None = None
        try:
            if not self._limit.allows(self._controls.controls.requests_per_second, time.monotonic()):
                fault = "requests_per_second"
                raise self._refusals.throttled()
            fault = self._controls.take(*counts)
            body = self._answer_with(fault, answer)
            reply = body if isinstance(body, Response) else json_reply(body)
        except Refusal as refusal:
            reply = json_reply(refusal.body, refusal.status, headers=refusal.headers)
        self._requests.end(sequence, reply.status_code, fault)
        return reply

    def _answer_with(self, fault: str | None, answer: Answer) -> Mapping[str, Any] | Response:
        if fault in ("fail_next", "fail_next_lookups"):
            raise self._refusals.failing()
        if fault == "throttle_next":
            raise self._refusals.throttled()
        self._authenticate()
        if fault == "reject_next":
            raise self._refusals.rejected(self._controls.controls.reject_code)
        with timing_out(self._controls, fault):
            try:
                return answer()
            except ValueError as error:
                raise self._refusals.invalid(described(error)) from None
