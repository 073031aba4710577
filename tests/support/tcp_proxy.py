"""A TCP proxy between two processes, for a network that freezes, breaks or is slow."""

import contextlib
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_HOST = "127.0.0.1"
_PIECE_BYTES = 64 * 1024


class TcpProxy:
    """Passes connections on to one port of this machine until the block is left.

    While it is paused it accepts connections and takes what the peers' own buffers hold, as a network does
    that has lost its route: no peer learns of it.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server((_HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._passing = threading.Event()
        self._passing.set()
        self._answering = threading.Event()
        self._answering.set()
        self._forgotten: list[threading.Event] = []
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._closed = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def lead_to(self, target_port: int) -> None:
        """Pass new connections on to another port, as where a name has got another address."""
        self._target_port = target_port

    def pause(self) -> None:
        """Pass nothing on any more, in either direction."""
        self._passing.clear()

    def hold_answers(self) -> None:
        """Pass on what clients send, and nothing that they are answered."""
        self._answering.clear()

    def resume(self) -> None:
        """Pass on what has piled up, and go on."""
        self._passing.set()
        self._answering.set()

    def forget(self) -> None:
        """Pass nothing on for the connections that there are, ever, and close none of them; new ones work."""
        self._passing.clear()
        self._forgotten.append(self._passing)
        self._passing = threading.Event()
        self._passing.set()

    def cut(self) -> None:
        """Break every connection; new ones are welcome."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for connected in sockets:
            _break(connected)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        # Closing alone doesn't wake the accepting thread.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for passing in (self._passing, self._answering, *self._forgotten):
            passing.set()
        self._accepting.join()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        passing = self._passing
        passing.wait()
        try:
            server = socket.create_connection((_HOST, self._target_port))
        except OSError:
            _break(client)
            return
        with self._lock:
            self._sockets |= {client, server}
        for ends, gates in (((client, server), [passing]), ((server, client), [passing, self._answering])):
            threading.Thread(target=self._pass_on, args=(*ends, gates), daemon=True).start()

    def _pass_on(
        self, reader: socket.socket, writer: socket.socket, gates: Sequence[threading.Event]
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := reader.recv(_PIECE_BYTES):
                for gate in gates:
                    gate.wait()
                writer.sendall(piece)
        # That a peer has left is no better known than what it sent.
        for gate in gates:
            gate.wait()
        # One direction has ended: neither of the programs here has any use for the other alone.
        with self._lock:
            self._sockets -= {reader, writer}
        _break(reader)
        _break(writer)


def _break(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
