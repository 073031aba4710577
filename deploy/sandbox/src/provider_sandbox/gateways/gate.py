"""What every request meets on its way to a gateway: the record, latency, faults and idempotency."""

import time
from collections.abc import Callable

from flask import Response, request
from pydantic import ValidationError

from provider_sandbox.gateways.controls import Call, ControlSource, Fault
from provider_sandbox.gateways.dialect import Dialect
from provider_sandbox.gateways.disruptions import disrupted
from provider_sandbox.gateways.idempotency import Request, StillRunning
from provider_sandbox.gateways.records import GatewayRecords
from provider_sandbox.gateways.reply import GatewayReply, Refused
from provider_sandbox.providers.gate import sent_target

Act = Callable[[Fault | None], GatewayReply]
"""What a call does, given the fault of the kind ``decline`` that it meets, if any.

Raises Refused, or ValueError for a request that isn't well formed.
"""


class Gate:
    """The gate of one gateway."""

    def __init__(self, dialect: Dialect, controls: ControlSource, records: GatewayRecords) -> None:
        self._dialect = dialect
        self._controls = controls
        self._records = records

    def serve(self, call: Call, act: Act) -> Response:
        """Answer the request being served, which is a ``call``."""
        sequence = self._begin()
        self._controls.delay()
        fault = self._controls.take_fault(call)
        response = self._response(fault, act)
        is_cut = fault is not None and fault.kind == "cut"
        self._records.requests.end(
            sequence, None if is_cut else response.status_code, None if fault is None else _name(fault)
        )
        return response

    def _response(self, fault: Fault | None, act: Act) -> Response:
        if fault is not None and fault.moment == "before" and (response := disrupted(fault)):
            return response
        try:
            self._dialect.authenticate()
            reply = self._answer(fault, act)
        except Refused as refused:
            reply = refused.reply
        if fault is not None and fault.moment == "after":
            # By now a repetition of the request would get the kept answer.
            if fault.kind == "time-out":
                self._controls.time_out()
            return disrupted(fault) or reply.response()
        return reply.response()

    def _answer(self, fault: Fault | None, act: Act) -> GatewayReply:
        sent = self._dialect.idempotent_request() if request.method == "POST" else None
        if sent is None:
            return self._run(fault, act)
        now = self._records.clock.now()
        try:
            with self._records.idempotency.running(sent):
                first = self._records.idempotency.first_reply(sent, self._dialect.key_lifetime_seconds, now)
                return first or self._first(sent, fault, act, now)
        except StillRunning:
            return self._dialect.still_running()

    def _first(self, sent: Request, fault: Fault | None, act: Act, now: float) -> GatewayReply:
        reply = self._run(fault, act)
        is_final = reply.status < 500 or self._controls.controls.replays_server_errors
        if is_final and reply != self._dialect.still_running():
            self._records.idempotency.keep(sent, reply, now)
        return reply

    def _run(self, fault: Fault | None, act: Act) -> GatewayReply:
        provoked = self._dialect.provoked()
        if provoked is not None:
            return provoked
        if fault is None:
            return self._act(None, act)
        if fault.moment == "before":
            if fault.kind == "time-out":
                self._controls.time_out()
            if fault.kind == "error":
                return self._dialect.error(fault.code)
        reply = self._act(fault, act)
        return self._dialect.error(fault.code) if fault.kind == "error" else reply

    def _act(self, fault: Fault | None, act: Act) -> GatewayReply:
        try:
            with self._records.database.transaction():
                return act(fault if fault is not None and fault.kind == "decline" else None)
        except Refused as refused:
            return refused.reply
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return self._dialect.invalid(f"{where}: {first['msg']}")
        except ValueError as error:
            return self._dialect.invalid(str(error))

    def _begin(self) -> int:
        return self._records.requests.begin(
            self._dialect.gateway,
            request.method,
            sent_target(),
            request.get_data(as_text=True),
            request.headers.get("Idempotency-Key"),
            time.time(),
        )


def _name(fault: Fault) -> str:
    return f"{fault.kind} {fault.moment}"
