"""Handles of libcurl for any number of threads."""

import ctypes
import os
import threading
import weakref
from queue import Empty, SimpleQueue

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

    def take(self, origin: bytes, timeout_seconds: float) -> CurlHandle:
        """One to be given back. Raises httpx's PoolTimeout if none is free in time."""
        try:
            self._free.get(timeout=timeout_seconds)
        except Empty:
            raise httpx.PoolTimeout("no connection was free in time") from None
        try:
            return self._take(origin)
        except BaseException:
            self._free.put(None)
            raise

    def give_back(self, handle: CurlHandle) -> None:
        with self._lock:
            self._idle.append(handle)
        if self._is_closed:
            self.close()
        self._free.put(None)

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
        # Unlike a semaphore's, its methods aren't written in Python, and each exchange waits for one of them.
        self._free = SimpleQueue[None]()
        for _ in range(self._most):
            self._free.put(None)
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
