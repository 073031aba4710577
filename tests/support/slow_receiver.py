"""A receiver on a real socket that answers as it should not."""

import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self


class SlowReceiver:
    """Answers every request with ``pieces``, and pauses after each of them; the pauses end with the block."""

    def __init__(self, pieces: Iterator[bytes] | list[bytes], pause_seconds: float) -> None:
        self._pieces = list(pieces)
        self._pause_seconds = pause_seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/hook"
        self.requests = 0
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65_536)
                self.requests += 1
                for piece in self._pieces:
                    connection.sendall(piece)
                    if self._closed.wait(self._pause_seconds):
                        return
            except OSError:
                # The client has given up, as it should.
                return
