"""The boundaries of a run: before and after each statement, commit and message of HTTP."""

import os
import re
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
from sqlalchemy import Engine, event

from servicekit.outbound import bounded_transport
from servicekit.outbound.arriving_reply import ArrivingReply
from servicekit.outbound.bounded_transport import BoundedTransport

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+\"?(\w+)")
_PREPARED = re.compile(r"(PREPARE|EXECUTE) (\w+)")
_CALL = re.compile(r"/(confirm|cancel|close|transactions|reserve|release)$")


class Boundaries:
    """Names the boundaries that a run passes, and kills the process at the one numbered ``deadly``.

    Whatever else may be a boundary, such as a webhook that arrives, calls :meth:`at`.
    """

    def __init__(self, deadly: int | None, last_words: Callable[[str], object]) -> None:
        self.passed: list[str] = []
        self._deadly, self._last_words = deadly, last_words
        self._prepared: dict[str, str] = {}
        self.begin("")

    def begin(self, use_case: str) -> None:
        self._use_case, self._transaction = use_case, 1

    def at(self, moment: str, what: str) -> None:
        self.passed.append(f"{self._use_case} {self._transaction}: {moment} {what}")
        if len(self.passed) - 1 == self._deadly:
            self._last_words(self.passed[-1])
            os.kill(os.getpid(), signal.SIGKILL)

    def watch_statements(self, engine: Engine) -> None:
        """Those of ``engine``, and its commits, for which SQLAlchemy has no event afterwards."""
        for moment in ("before", "after"):
            event.listen(engine, f"{moment}_cursor_execute", partial(self._at_statement, moment))
        commit = engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            self.at("before", "COMMIT")
            commit(connection)
            self.at("after", "COMMIT")
            self._transaction += 1

        setattr(engine.dialect, commit.__name__, do_commit)

    def watch_http(self) -> None:
        """All that this process sends by the services' own client."""
        boundaries, calls, send = self, [""], BoundedTransport.handle_request

        class Arriving(ArrivingReply):
            def take_header(self, line: bytes) -> int | None:
                if not self.status:
                    boundaries.at("during", calls[-1])
                return super().take_header(line)

        def handle_request(transport: BoundedTransport, request: httpx.Request) -> httpx.Response:
            call = _CALL.search(request.url.path)
            calls.append(f"{request.method} {call[1] if call else 'payment'}")
            boundaries.at("before", calls[-1])
            try:
                return send(transport, request)
            finally:
                boundaries.at("after", calls[-1])

        setattr(bounded_transport, ArrivingReply.__name__, Arriving)
        setattr(BoundedTransport, send.__name__, handle_request)

    def _at_statement(self, moment: str, _connection: object, _cursor: object, sql: str, *_: object) -> None:
        table, prepared = _TABLE.search(sql), _PREPARED.match(sql)
        what = table[1] if table else ""
        if prepared is not None:
            what = self._prepared.setdefault(prepared[2], what)
        self.at(moment, f"{sql.split(None, 1)[0]} {what}".rstrip())
