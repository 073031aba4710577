"""Who of several relays publishes a shard.

A session-level advisory lock is held by at most one session, and PostgreSQL frees it when that session ends,
so a killed leader is replaced at once. Alone it is no lease: a frozen process, or one behind a cut network,
keeps its session. So the session says something each second, has an ``idle_session_timeout`` after which
PostgreSQL ends it, and does nothing else: no result can be so large that it waits for a frozen reader.

That tells the others. The former leader learns it from its own clock, and what it does before it knows is
harmless: its cursor writes miss because of the epoch, and the events that it still sends are sent by its
successor, too.
"""

import threading
import time
import zlib
from collections.abc import Callable

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from outbox_relay.database import unavailable
from outbox_relay.errors import CursorMissing
from outbox_relay.model import Lease
from outbox_relay.queries import query

# Tells this program's advisory locks from those of others in the same database.
_PROGRAM = 0x6F_62_72_6C
# The rest is kept for what lies between looking at the clock and sending.
_SAFE_PART_OF_TIMEOUT = 0.8

_log = structlog.get_logger(__name__)


def clock_seconds() -> float:
    """A clock that goes on while the process is frozen, and where possible while the machine is suspended."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)


def lock_id(schema: str, shard: int) -> int:
    """The second half of the lock's key, distinct for every outbox and shard of a database."""
    unsigned = zlib.crc32(f"{schema}.outbox/{shard}".encode())
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned


class Leadership:
    """Competes for one shard and keeps it once won. :meth:`beat` is called each second, by one thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        lock: int,
        shard: int,
        identity: str,
        timeout_seconds: float,
        clock: Callable[[], float] = clock_seconds,
    ) -> None:
        self._engine = engine
        self._lock = lock
        self._shard = shard
        self._identity = identity
        self._safe_seconds = timeout_seconds * _SAFE_PART_OF_TIMEOUT
        self._clock = clock
        self._connection: Connection | None = None
        self._state = threading.Lock()
        self._lease: Lease | None = None
        self._renounced = False
        self._confirmed_at = 0.0

    def lease(self) -> Lease | None:
        """The lease if PostgreSQL confirmed it so lately that nobody else can hold the lock by now."""
        with self._state:
            if self._clock() - self._confirmed_at >= self._safe_seconds:
                return None
            return self._lease

    def beat(self) -> None:
        """Confirm the lease, or try to win one. Raises :class:`SourceUnavailable`; the lease is then lost."""
        # Before the statement and not after: PostgreSQL's own count begins no earlier.
        asked_at = self._clock()
        if self._was_renounced():
            self.resign()
        try:
            lease = self._confirm_or_compete()
        except DBAPIError as error:
            self.resign()
            raise unavailable(error) from error
        except CursorMissing:
            self.resign()
            raise
        with self._state:
            if not self._renounced:
                self._lease, self._confirmed_at = lease, asked_at

    def renounce(self) -> None:
        """Lead no longer, from any thread: the next beat lets go of the lock and competes for a new epoch.

        Closing the session is left to the beat, which may be using it at this moment.
        """
        with self._state:
            lost, self._lease = self._lease, None
            self._renounced = True
        self._log_loss(lost)

    def resign(self) -> None:
        """Let others lead: ends the session and with it the lock. Only while no beat is under way."""
        with self._state:
            lost, self._lease = self._lease, None
            connection, self._connection = self._connection, None
        self._log_loss(lost)
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _log_loss(self, lost: Lease | None) -> None:
        if lost is not None:
            _log.info("leadership_given_up", shard=self._shard, epoch=lost.epoch)

    def _was_renounced(self) -> bool:
        with self._state:
            renounced, self._renounced = self._renounced, False
            return renounced

    def _confirm_or_compete(self) -> Lease | None:
        if self._connection is None:
            self._connection = self._engine.connect()
        if self._lease is not None:
            self._connection.execute(text("SELECT 1"))
            return self._lease
        parameters = {"program": _PROGRAM, "lock": self._lock}
        if not self._connection.execute(query("try_lock"), parameters).scalar_one():
            return None
        return self._take_over(self._connection)

    def _take_over(self, connection: Connection) -> Lease:
        row = connection.execute(
            query("take_over"), {"shard": self._shard, "leader": self._identity}
        ).one_or_none()
        if row is None:
            raise CursorMissing
        lease = Lease(row.epoch)
        _log.info("leadership_won", shard=self._shard, epoch=lease.epoch)
        return lease
