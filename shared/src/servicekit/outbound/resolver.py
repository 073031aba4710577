"""Name resolution with a deadline: the system's own has none."""

import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future


class Resolver:
    """Looks each name up in a thread of its own, one at a time for a name. Any thread may ask.

    A look-up that hangs goes on until the system gives it up, and all who ask for that name wait for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, int], Future[Sequence[str]]] = {}

    def addresses(self, host: str, port: int, timeout_seconds: float) -> Sequence[str]:
        """The host's addresses, the preferred first. Raises TimeoutError, or the OSError of the look-up."""
        with self._lock:
            looking = self._under_way.get((host, port))
            if looking is None:
                looking = self._under_way[host, port] = Future()
                threading.Thread(
                    target=self._look_up, args=(host, port, looking), name="resolver", daemon=True
                ).start()
        return looking.result(max(0.0, timeout_seconds))

    def _look_up(self, host: str, port: int, looking: "Future[Sequence[str]]") -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except Exception as error:  # noqa: BLE001 - the threads that asked raise it
            self._end(host, port)
            looking.set_exception(error)
        else:
            self._end(host, port)
            looking.set_result(list(dict.fromkeys(str(address[0]) for *_, address in found)))

    def _end(self, host: str, port: int) -> None:
        # Before the answer is out: the next one to ask looks anew.
        with self._lock:
            del self._under_way[host, port]
