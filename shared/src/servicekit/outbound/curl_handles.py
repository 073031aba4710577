"""Handles of libcurl for any number of threads."""

import ctypes
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from servicekit.outbound.curl_handle import CurlHandle


class CurlHandles:
    """At most ``most``. Each keeps to one origin, so that a host whose look-up hangs holds up no other."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._is_closed = False
        self._idle: list[CurlHandle] = []
        self._begin_anew()
        _of_this_process.add(self)

    @contextmanager
    def taken(self, origin: bytes, timeout_seconds: float) -> Iterator[CurlHandle]:
        """One for the block. Raises httpx's PoolTimeout if none is free in time."""
        free = self._free
        if not free.acquire(timeout=timeout_seconds):
            raise httpx.PoolTimeout("no connection was free in time")
        try:
            handle = self._take(origin)
            try:
                yield handle
            finally:
                with self._lock:
                    self._idle.append(handle)
                if self._is_closed:
                    self.close()
        finally:
            free.release()

    def close(self) -> None:
        """Close those that are idle, and the others once they are."""
        self._is_closed = True
        with self._lock:
            idle = self._idle
            self._idle = []
        for handle in idle:
            handle.close()

    def leave_to_parent(self) -> None:
        """Without closing them: that would tell the receivers that the parent's connections end."""
        for handle in self._idle:
            # Not even at the end of this process.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._free = threading.BoundedSemaphore(self._most)
        self._lock = threading.Lock()
        self._idle = []
        self._made = 0

    def _take(self, origin: bytes) -> CurlHandle:
        with self._lock:
            # The latest first: its connection is the freshest.
            for position in reversed(range(len(self._idle))):
                if self._idle[position].origin == origin:
                    return self._idle.pop(position)
            oldest = self._idle.pop(0) if self._idle and self._made >= self._most else None
            self._made += oldest is None
        if oldest is not None:
            oldest.close()
        return CurlHandle(origin)


_of_this_process: weakref.WeakSet[CurlHandles] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for handles in list(_of_this_process):
        handles.leave_to_parent()


os.register_at_fork(after_in_child=_leave_all_to_parent)
