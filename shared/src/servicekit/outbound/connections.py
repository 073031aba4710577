"""Connections to receivers, kept open between exchanges."""

import select
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx

from servicekit.outbound.exchange_deadline import Deadline
from servicekit.outbound.resolver import Resolver

KEPT_SECONDS = 5.0
"""An idle connection is closed after that: receivers close theirs, and a request must not meet the end."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go that may share a connection."""

    scheme: str
    host: str
    port: int


class Connections:
    """At most ``most`` at a time, to all origins together. Any thread may take one."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._idle: defaultdict[Origin, list[tuple[socket.socket, float]]] = defaultdict(list)
        self._lock = threading.Lock()
        self._resolver = Resolver()
        self._tls = httpx.create_ssl_context(trust_env=False)
        self._tls.set_alpn_protocols(["http/1.1"])

    @contextmanager
    def taken(
        self, origin: Origin, deadline: Deadline, connect_seconds: float | None
    ) -> Iterator["TakenConnection"]:
        """A connection for one exchange. It is closed unless the block says that it may be kept.

        Raises httpx's PoolTimeout, ConnectTimeout and ConnectError, all of them before anything is sent.
        """
        try:
            is_free = self._free.acquire(timeout=deadline.seconds_left())
        except TimeoutError as error:
            raise httpx.PoolTimeout(str(error)) from error
        if not is_free:
            raise httpx.PoolTimeout("no connection was free in time")
        try:
            taken = TakenConnection(
                self._take_idle(origin) or self._connect(origin, deadline, connect_seconds)
            )
            try:
                yield taken
            finally:
                if taken.may_be_kept:
                    self._keep(origin, taken.socket)
                else:
                    taken.socket.close()
        finally:
            self._free.release()

    def close(self) -> None:
        """Close those that are idle."""
        with self._lock:
            idle = [each for kept in self._idle.values() for each, _ in kept]
            self._idle.clear()
        for each in idle:
            each.close()

    def _keep(self, origin: Origin, connection: socket.socket) -> None:
        now = time.monotonic()
        with self._lock:
            kept = self._idle[origin]
            kept.append((connection, now))
            # The latest is taken first, so that the oldest are those that nobody needs.
            old = [each for each, since in kept if since < now - KEPT_SECONDS]
            del kept[: len(old)]
        for each in old:
            each.close()

    def _take_idle(self, origin: Origin) -> socket.socket | None:
        while True:
            with self._lock:
                if not self._idle[origin]:
                    return None
                connection, since = self._idle[origin].pop()
            if since >= time.monotonic() - KEPT_SECONDS and not _has_news(connection):
                return connection
            connection.close()

    def _connect(self, origin: Origin, deadline: Deadline, connect_seconds: float | None) -> socket.socket:
        # Resolving and connecting share one time-out.
        try:
            end = Deadline(deadline.seconds_left(connect_seconds))
            connection = self._reach(origin, end)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        if origin.scheme == "http":
            return connection
        try:
            connection.settimeout(deadline.seconds_left(connect_seconds))
            return self._tls.wrap_socket(connection, server_hostname=origin.host)
        except BaseException as error:
            connection.close()
            if isinstance(error, TimeoutError):
                raise httpx.ConnectTimeout(str(error)) from error
            if isinstance(error, OSError | ssl.CertificateError):
                raise httpx.ConnectError(str(error)) from error
            raise

    def _reach(self, origin: Origin, end: Deadline) -> socket.socket:
        """By the first address that answers. Raises TimeoutError, or the OSError of the last one."""
        failure: OSError = OSError(f"{origin.host} has no address")
        for address in self._addresses(origin, end):
            try:
                connection = socket.create_connection((address, origin.port), end.seconds_left())
            except OSError as error:
                failure = error
                continue
            # A request is written at once, and waits for no acknowledgement of the one before.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        raise failure

    def _addresses(self, origin: Origin, end: Deadline) -> list[str]:
        try:
            return list(self._resolver.addresses(origin.host, origin.port, end.seconds_left()))
        except TimeoutError as error:
            raise TimeoutError(f"the name {origin.host} was not resolved in time") from error


@dataclass(slots=True)
class TakenConnection:
    """A connection during an exchange."""

    socket: socket.socket
    may_be_kept: bool = False
    """Whether it stands between two exchanges: nothing was sent, or all of the reply was read."""


def _has_news(connection: socket.socket) -> bool:
    """Whether the receiver has closed it, or sent something that no request asked for."""
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
    return True
