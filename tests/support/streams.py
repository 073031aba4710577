"""A client of server-sent events."""

import json
import threading
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx

from tests.support.waiting import wait_until


class Watcher:
    """Watches a request, in a thread, until its stream or the block ends."""

    def __init__(self, url: str, request_id: UUID, *, reconnects: bool = False) -> None:
        """With ``reconnects`` it goes on like a browser, until the decision."""
        self._url = f"{url}/api/v1/coupon-requests/{request_id}/events"
        self._client = httpx.Client(timeout=60, trust_env=False)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._reconnects = reconnects
        self._is_over = threading.Event()
        self.connections = 0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.has_ended = False

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    @property
    def places(self) -> list[int | None]:
        return [data["place"] for name, data in self.events if name == "place"]

    def decision(self) -> dict[str, Any]:
        """The last event, waiting for it."""
        wait_until(lambda: "decision" in self.names, "the decision")
        return self.events[-1][1]

    def _read(self) -> None:
        self._read_once()
        while self._reconnects and "decision" not in self.names and not self._is_over.wait(0.05):
            self._read_once()
        self.has_ended = True

    def _read_once(self) -> None:
        name = ""
        try:
            with self._client.stream("GET", self._url) as reply:
                self.connections += 1
                for line in reply.iter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        name = value
                    elif field == "data":
                        self.events.append((name, json.loads(value)))
        except (httpx.HTTPError, httpx.StreamError):
            # The connection was cut, or there is no server.
            pass

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._client.close()
