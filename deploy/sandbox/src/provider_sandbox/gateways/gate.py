"""What every request meets on its way to a gateway: the record, latency, faults and idempotency."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from provider_sandbox.gateways.controls import Call, Fault, GatewayControlSource
from provider_sandbox.gateways.dialect import Dialect
from provider_sandbox.gateways.disruptions import disrupted
from provider_sandbox.gateways.idempotency import Request, StillRunning
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.reply import GatewayReply, Refused
from provider_sandbox.received import described

Act = Callable[[Fault | None], GatewayReply]
"""What a call does, given the fault of the kind ``decline`` that it meets, if any.

Raises Refused, or ValueError for a request that isn't well formed.
"""


@dataclass(slots=True)
class _Exchange:
    """A request with the fault that it meets, and what it does; ``sequence`` once it is recorded."""

    received_at: float
    fault: Fault | None
    controls_number: int
    act: Act
    sequence: int | None = None

    def meets(self, kind: str, moment: str | None = None) -> bool:
        fault = self.fault
        return fault is not None and fault.kind == kind and moment in (None, fault.moment)

    def disrupted(self, moment: str) -> Response | None:
        """What the client gets in place of an answer."""
        fault = self.fault
        return disrupted(fault) if fault is not None and fault.moment == moment else None

    @property
    def fault_name(self) -> str | None:
        return None if self.fault is None else f"{self.fault.kind} {self.fault.moment}"


class Gate:
    """The gate of one gateway."""

    def __init__(self, dialect: Dialect, controls: GatewayControlSource, records: GatewayRecords) -> None:
        self._dialect = dialect
        self._controls = controls
        self._records = records

    def serve(self, call: Call, act: Act) -> Response:
        """Answer the request being served, which is a ``call``."""
        received_at = time.time()
        # Read while there is nothing to undo: a body that is too long ends here.
        request.get_data()
        self._controls.delay()
        exchange = _Exchange(received_at, *self._controls.take_fault(call), act)
        response = self._response(exchange)
        self._record(exchange, None if exchange.meets("cut") else response.status_code)
        return response

    def _response(self, exchange: _Exchange) -> Response:
        if response := exchange.disrupted("before"):
            return response
        try:
            self._dialect.authenticate()
            reply = self._answer(exchange)
        except Refused as refused:
            reply = refused.reply
        # By now a repetition of the request would get the kept answer.
        if exchange.meets("time-out", "after"):
            self._pause(exchange)
        return exchange.disrupted("after") or reply.response()

    def _answer(self, exchange: _Exchange) -> GatewayReply:
        sent = self._dialect.idempotent_request() if request.method == "POST" else None
        if sent is None:
            self._pause_before(exchange)
            return self._run(exchange)
        try:
            with self._records.idempotency.running(sent):
                self._pause_before(exchange)
                now = self._records.clock.now()
                # What is done and the answer to a repetition are kept together.
                with self._records.database.transaction():
                    first = self._records.idempotency.first_reply(
                        sent, self._dialect.key_lifetime_seconds, now
                    )
                    return first or self._first(sent, exchange, now)
        except StillRunning:
            return self._dialect.still_running()

    def _first(self, sent: Request, exchange: _Exchange, now: float) -> GatewayReply:
        reply = self._run(exchange)
        is_final = reply.status < 500 or self._controls.controls.replays_server_errors
        if is_final and reply != self._dialect.still_running():
            self._records.idempotency.keep(sent, reply, now)
        return reply

    def _run(self, exchange: _Exchange) -> GatewayReply:
        provoked = self._dialect.provoked()
        if provoked is not None:
            return provoked
        error = None
        if exchange.fault is not None and exchange.meets("error"):
            error = self._dialect.error(exchange.fault.code)
            if exchange.meets("error", "before"):
                return error
        reply = self._act(exchange)
        return error or reply

    def _act(self, exchange: _Exchange) -> GatewayReply:
        try:
            with self._records.database.transaction():
                return exchange.act(exchange.fault if exchange.meets("decline") else None)
        except Refused as refused:
            return refused.reply
        except ValueError as error:
            return self._dialect.invalid(described(error))

    def _pause_before(self, exchange: _Exchange) -> None:
        if exchange.meets("time-out", "before"):
            self._pause(exchange)

    def _pause(self, exchange: _Exchange) -> None:
        """The record shows that the pause has begun: the request has a fault, and no status."""
        self._record(exchange, None)
        self._controls.pause(exchange.controls_number)

    def _record(self, exchange: _Exchange, status: int | None) -> None:
        if exchange.sequence is not None:
            self._records.requests.end(exchange.sequence, status, exchange.fault_name)
            return
        exchange.sequence = self._records.requests.begin(
            self._dialect.gateway,
            "Idempotency-Key",
            exchange.received_at,
            status=status,
            fault=exchange.fault_name,
        )
