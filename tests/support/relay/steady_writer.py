"""Load: small transactions without a break."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from sqlalchemy.exc import DBAPIError

from tests.support.relay.outbox import Outbox

_PAUSE_SECONDS = 0.005
# Bounds the load whatever happens: some minutes at most.
_MOST_EVENTS = 60_000


class SteadyWriter:
    """Writes small transactions without a break until the block is left; the only writer of its keys.

    While the database is away it tries again. It keeps no account: whether a commit whose answer was lost has
    happened is known to the outbox alone.
    """

    def __init__(self, outbox: Outbox, keys: Sequence[str], pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._outbox = outbox
        self._keys = keys
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.events = 0
        self.longest_seconds = 0.0
        """The longest that one transaction took."""

    def _write(self) -> None:
        while not self._stop.wait(self._pause_seconds) and self.events < _MOST_EVENTS:
            begun = time.monotonic()
            try:
                with self._outbox.transaction() as transaction:
                    for key in self._keys:
                        transaction.append(key, self.events)
            except DBAPIError:
                self._stop.wait(0.2)
                continue
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - begun)
            self.events += len(self._keys)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
