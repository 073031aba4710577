"""What every request meets on its way to a double: the record, latency, the limit of calls, and faults."""

import re
import time
from collections.abc import Callable
from typing import Generic

from flask import Response, request
from pydantic import ValidationError

from provider_sandbox.controls import SENDING_FAULTS
from provider_sandbox.providers.controls import Allowance, ProviderFaultsT
from provider_sandbox.providers.rate_limit import RateLimit
from provider_sandbox.providers.refusal import Refusal, Refusals
from provider_sandbox.providers.request_record import RequestRecord
from servicekit.http.replies import json_reply

IDEMPOTENCY_HEADER = "X-NC-API-IDEMPOTENCY-KEY"
_ALIGO_KEY = re.compile(r"(?<=\bapikey=)[^&]*")


class Gate(Generic[ProviderFaultsT]):
    """The gate of one provider."""

    def __init__(
        self,
        provider: str,
        faults: Allowance[ProviderFaultsT],
        requests: RequestRecord,
        refusals: Refusals,
        authenticate: Callable[[], None],
    ) -> None:
        """``authenticate`` raises the provider's refusal of the request that is being served."""
        self._provider = provider
        self._faults = faults
        self._requests = requests
        self._refusals = refusals
        self._authenticate = authenticate
        self._limit = RateLimit()

    def send(self, answer: Callable[[], Response], *, is_faulty: bool = True) -> Response:
        """Answer a request that sends or prepares sending; ``is_faulty`` says that it meets faults."""
        return self._serve(answer, SENDING_FAULTS if is_faulty else ())

    def look_up(self, answer: Callable[[], Response]) -> Response:
        """Answer a request that only reads."""
        return self._serve(answer, ("fail_next_lookups",))

    def _serve(self, answer: Callable[[], Response], counts: tuple[str, ...]) -> Response:
        sequence = self._begin()
        self._faults.delay()
        fault: str | None = None
        try:
            if not self._limit.allows(self._faults.faults.requests_per_second, time.monotonic()):
                fault = "requests_per_second"
                raise self._refusals.throttled()
            fault = self._faults.take(*counts)
            reply = self._answer_with(fault, answer)
        except Refusal as refusal:
            reply = json_reply(refusal.body, refusal.status, headers=refusal.headers)
        self._requests.end(sequence, reply.status_code, fault)
        return reply

    def _answer_with(self, fault: str | None, answer: Callable[[], Response]) -> Response:
        if fault in ("fail_next", "fail_next_lookups"):
            raise self._refusals.failing()
        if fault == "throttle_next":
            raise self._refusals.throttled()
        self._authenticate()
        if fault == "reject_next":
            raise self._refusals.rejected(self._faults.faults.reject_code)
        if fault == "timeout_before_accept_next":
            self._faults.time_out()
        try:
            reply = answer()
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self._refusals.invalid(f"{where}: {first['msg']}") from None
        except ValueError as error:
            raise self._refusals.invalid(str(error)) from None
        if fault == "timeout_after_accept_next":
            self._faults.time_out()
        return reply

    def _begin(self) -> int:
        body = request.get_data(as_text=True)
        return self._requests.begin(
            self._provider,
            request.method,
            sent_target(),
            _ALIGO_KEY.sub("…", body),
            request.headers.get(IDEMPOTENCY_HEADER),
            time.time(),
        )


def sent_target() -> str:
    """Path and query exactly as the client has sent them, encoding included."""
    return str(request.environ.get("RAW_URI") or request.full_path)
