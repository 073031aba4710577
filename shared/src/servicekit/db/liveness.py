"""Connections that were just used are checked before use without asking the server."""

import select
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event

RECENT_SECONDS = 1.0
"""A connection that was idle for longer is asked: something on the way may have forgotten it silently."""


def check_recent_by_socket(engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
    """Let the pool's ping ask the server only where the connection itself doesn't say that it is alive.

    A server that restarts closes its connections, which their sockets tell at once, as well as a ping would.
    A ping takes as long as a small statement, and a service at its limit makes one for each transaction.
    """
    used_at: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
    ask = engine.dialect.do_ping

    def do_ping(connection: Any) -> bool:
        last = used_at.get(connection)
        if last is not None and clock() - last < RECENT_SECONDS and not _has_news(connection):
            return True
        return ask(connection)

    def remember(connection: Any, record: object) -> None:
        if connection is not None:
            used_at[connection] = clock()

    event.listen(engine, "checkin", remember)
    engine.dialect.do_ping = do_ping  # type: ignore[method-assign, assignment]  # no event replaces a ping


def _has_news(connection: Any) -> bool:
    """Whether the server has sent or closed anything that no statement has read."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
