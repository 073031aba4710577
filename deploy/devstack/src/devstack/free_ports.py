"""Which ports can be listened on."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

# Below the range that the kernel takes ports for outgoing connections from. A server's port from within
# that range can be taken by some client's connection while the server restarts, even by a client connecting
# to itself.
_RANGE = range(16000, 32000)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of the local address now."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def find_free_ports(count: int, *, excluded: Collection[int] = ()) -> list[int]:
    """Return that many different ports, each free at the moment and none of the excluded ones.

    No other process of this user gets one of them from here, until this one ends: a server may take seconds
    until it listens.
    """
    found: set[int] = set()
    while len(found) < count:
        port = random.choice(_RANGE)  # noqa: S311 no secret
        if port not in found and port not in excluded and _claim(port) and is_free(port):
            found.add(port)
    return list(found)


def _claim(port: int) -> bool:
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):
        return False
    return True


@cache
def _claims() -> int:
    """A file whose bytes stand for ports; what this process has locked is free again when it ends."""
    return os.open(
        Path(tempfile.gettempdir(), f"devstack-ports-{os.getuid()}"), os.O_RDWR | os.O_CREAT, 0o600
    )
