"""How a process learns that it should stop."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType

import structlog

GIVE_UP_SECONDS = 8.0
"""After how long a stop is forced; the process is gone within 10 s."""
_STOPPING = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger(__name__)


class StopSignal:
    """Set once, by SIGTERM, SIGINT or the program itself, and never cleared.

    Loops ask :meth:`is_set` between two pieces of work and use :meth:`wait` in place of sleeping, so that a
    stop ends every pause at once.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._arrivals: tuple[socket.socket, socket.socket] | None = None

    def install(self) -> None:
        """Let SIGTERM and SIGINT set this signal. To be called from the main thread.

        A process that has not ended GIVE_UP_SECONDS after the signal ends then, with status 0.

        Python runs a signal's handler in the main thread, and only once that wakes up. If the system hands
        the signal to another thread, a main thread that waits for it goes on waiting for ever; a handler
        that runs in the middle of a wait meets the lock that this wait holds. So no handler sets the signal:
        a thread does, to which the interpreter writes every arrival, whichever thread it was in.
        """
        self._arrivals = receiver, sender = socket.socketpair()
        sender.setblocking(False)
        signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        for number in _STOPPING:
            signal.signal(number, _leave_to_the_thread)
        threading.Thread(target=self._listen, args=(receiver,), name="signals", daemon=True).start()

    def install_before_handlers(self) -> None:
        """Let SIGTERM, SIGINT and SIGQUIT set this signal, and then run the handlers that they have now.

        For a gunicorn worker, whose own handlers end it. To be called from the main thread.
        """
        for number in (*_STOPPING, signal.SIGQUIT):
            signal.signal(number, self._setting_before(signal.getsignal(number)))

    def _setting_before(
        self, handler: Callable[[int, FrameType | None], object] | int | None
    ) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            self.set()
            if callable(handler):
                handler(number, frame)

        return handle

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Pause for ``timeout_seconds`` (for ever when None); True as soon as the signal is set."""
        return self._event.wait(timeout_seconds)

    def _listen(self, arrivals: socket.socket) -> None:
        while number := arrivals.recv(1):
            if number[0] in _STOPPING and not self.is_set():
                self.set()
                forcing = threading.Timer(GIVE_UP_SECONDS, _give_up)
                forcing.daemon = True
                forcing.start()


def _leave_to_the_thread(number: int, frame: FrameType | None) -> None:
    """Without a handler the signal would end the process."""


def _give_up() -> None:
    # A thread waits for a server that no longer answers. What isn't committed is done again by others.
    _log.warning("stop_forced", seconds=GIVE_UP_SECONDS)
    os._exit(0)
