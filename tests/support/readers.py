"""Clients that read one URL over and over, for a server that must not be idle."""

import threading
from collections import Counter
from types import TracebackType
from typing import Self

import httpx

CLIENTS = 4


class Readers:
    """A few clients at a time, each asking as soon as it was answered, until the block is left."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._answers: Counter[int] = Counter()
        self._threads = [threading.Thread(target=self._read) for _ in range(CLIENTS)]

    @property
    def answers(self) -> Counter[int]:
        """How many answers of each status there have been."""
        with self._lock:
            return self._answers.copy()

    def _read(self) -> None:
        with httpx.Client(timeout=15, trust_env=False) as client:
            while not self._stop.is_set():
                try:
                    status = client.get(self._url).status_code
                except httpx.TransportError:
                    # The server is away, or has just closed an idle connection.
                    self._stop.wait(0.05)
                    continue
                with self._lock:
                    self._answers[status] += 1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
