"""Which of several relays publishes which shards of a source.

Every relay of a source keeps one session for it, in which it holds a lock that all share, and one lock for
each shard that it leads. PostgreSQL lists the holders of the shared lock, so that each relay knows how many
relays there are, its own rank among them, and from both how many shards are its part. It takes free shards up
to its part and gives back the rest.

A session-level advisory lock is held by at most one session, and PostgreSQL frees it when that session ends,
so a killed leader is replaced at once. Alone it is no lease: a frozen process, or one behind a cut network,
keeps its session. So the session runs a statement each second, has an ``idle_session_timeout`` after which
PostgreSQL ends it, and does nothing else: no result can be so large that it waits for a frozen reader.

That frees the locks for the others. The former leader learns it from its own clock, and what it does before
it knows is harmless: its cursor writes miss because of the epoch, and the events that it still sends are sent
by its successor, too.
"""

import threading
import zlib
from collections.abc import Callable, Mapping, Sequence

import structlog
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from outbox_relay.postgresql.database import unavailable
from outbox_relay.postgresql.queries import query
from outbox_relay.postgresql.suited_server import refuse_shared_sessions
from outbox_relay.protocol.errors import CursorMissing, SessionsShared, SourceUnavailable
from outbox_relay.protocol.model import Lease
from servicekit.lease_clock import lease_clock_seconds

# Keeps this program's advisory locks apart from those of others in the same database.
_PROGRAM = 0x6F_62_72_6C
_MEMBERS = -1
# The rest is kept for what lies between looking at the clock and sending.
_SAFE_PART_OF_TIMEOUT = 0.8

_JOIN_MEMBERS = text("SELECT pg_try_advisory_lock_shared(:program, :lock)")
_TRY_LOCK = text("SELECT pg_try_advisory_lock(:program, :lock)")
_UNLOCK = text("SELECT pg_advisory_unlock(:program, :lock)")

_log = structlog.get_logger(__name__)


def lock_id(schema: str, shard: int) -> int:
    """The second half of the lock's key, distinct for every outbox and shard of a database."""
    unsigned = _unsigned_lock_id(schema, shard)
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned


def fair_part(shards: int, members: int, rank: int, outbox: int) -> int:
    """How many of ``shards`` the relay of this rank leads among ``members``; the parts add up.

    What can't be divided goes to other relays for other outboxes.
    """
    return shards // members + ((rank + outbox) % members < shards % members)


class Leadership:
    """Competes for shards and keeps those won. :meth:`beat` is called each second, by one thread."""

    def __init__(
        self,
        engine: Engine,
        *,
        schema: str,
        identity: str,
        timeout_seconds: float,
        clock: Callable[[], float] = lease_clock_seconds,
    ) -> None:
        self._engine = engine
        self._schema = schema
        self._identity = identity
        self._safe_seconds = timeout_seconds * _SAFE_PART_OF_TIMEOUT
        self._clock = clock
        self._connection: Connection | None = None
        self._pid = 0
        self._state = threading.Lock()
        self._held: dict[int, Lease] = {}
        self._leaving: dict[int, Lease] = {}
        self._let_go: list[Lease] = []
        self._renounced = False
        self._confirmed_at = 0.0

    def leases(self) -> Mapping[int, Lease]:
        """The shards that are ours, if PostgreSQL confirmed it so lately that no other can hold them now.

        Those that are to be given to others aren't among them.
        """
        with self._state:
            return dict(self._held) if self._is_safe() else {}

    def holds(self, leases: Sequence[Lease]) -> bool:
        """Whether that holds for these, including those that are to be given to others."""
        with self._state:
            return self._is_safe() and all(
                lease in (self._held.get(lease.shard), self._leaving.get(lease.shard)) for lease in leases
            )

    def let_go(self, kept: Sequence[Lease]) -> None:
        """Everything but ``kept`` is out of use, so that the next beat may free its locks."""
        with self._state:
            self._let_go = [lease for lease in self._leaving.values() if lease not in kept]

    def beat(self) -> None:
        """Confirm the leases, and win or give back some.

        Raises :class:`SourceUnavailable` or, when the outbox has no cursors, :class:`CursorMissing`; all
        leases are then lost.
        """
        # Before the statement and not after: PostgreSQL's own count begins no earlier.
        asked_at = self._clock()
        if self._was_renounced():
            self.resign()
        try:
            self._confirm_and_compete(asked_at)
        except DBAPIError as error:
            self.resign()
            raise unavailable(error) from error
        except (CursorMissing, SourceUnavailable):
            self.resign()
            raise

    def renounce(self) -> None:
        """Lead no longer, from any thread: the next beat lets go of all locks and competes for new epochs.

        Closing the session is left to the beat, which may be using it at this moment.
        """
        with self._state:
            lost = self._forget()
            self._renounced = True
        self._log_loss(lost)

    def resign(self) -> None:
        """Let others lead: ends the session and with it the locks. Only while no beat is under way."""
        with self._state:
            lost = self._forget()
            connection, self._connection = self._connection, None
        self._log_loss(lost)
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _is_safe(self) -> bool:
        return self._clock() - self._confirmed_at < self._safe_seconds

    def _forget(self) -> list[Lease]:
        lost = [*self._held.values(), *self._leaving.values()]
        self._held, self._leaving, self._let_go = {}, {}, []
        return lost

    def _log_loss(self, lost: list[Lease]) -> None:
        if lost:
            _log.info("leadership_given_up", shards=sorted(lease.shard for lease in lost))

    def _was_renounced(self) -> bool:
        with self._state:
            renounced, self._renounced = self._renounced, False
            return renounced

    def _confirm_and_compete(self, asked_at: float) -> None:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._pid = refuse_shared_sessions(self._engine, self._connection)
            parameters = {"program": _PROGRAM, "lock": lock_id(self._schema, _MEMBERS)}
            self._connection.execute(_JOIN_MEMBERS, parameters)
        row = self._connection.execute(
            query("compete"),
            {"program": _PROGRAM, "member_lock": _unsigned_lock_id(self._schema, _MEMBERS)},
        ).one()
        if row.own != self._pid:
            raise SessionsShared
        if not row.epochs:
            raise CursorMissing
        self._drop_outdated(dict(enumerate(row.epochs)))
        with self._state:
            self._confirmed_at = asked_at
        rank = row.members.index(row.own)
        part = fair_part(len(row.epochs), len(row.members), rank, lock_id(self._schema, _MEMBERS))
        self._give_back(part)
        self._win(self._connection, part, len(row.epochs), rank)

    def _drop_outdated(self, epochs: Mapping[int, int]) -> None:
        """Forget shards whose epoch isn't ours any more: an operator has changed the number of shards."""
        with self._state:
            for leases in (self._held, self._leaving):
                for shard in [shard for shard, lease in leases.items() if epochs.get(shard) != lease.epoch]:
                    lease = leases.pop(shard)
                    self._leaving[shard] = lease
                    self._let_go.append(lease)

    def _give_back(self, part: int) -> None:
        """Free what is out of use, and stop to use what is more than our part."""
        with self._state:
            free, self._let_go = self._let_go, []
        for lease in free:
            if self._connection is not None:
                parameters = {"program": _PROGRAM, "lock": lock_id(self._schema, lease.shard)}
                self._connection.execute(_UNLOCK, parameters)
        with self._state:
            for lease in free:
                self._leaving.pop(lease.shard, None)
            for shard in sorted(self._held)[max(part, 0) :]:
                self._leaving[shard] = self._held.pop(shard)
        self._log_loss(free)

    def _win(self, connection: Connection, part: int, shards: int, rank: int) -> None:
        for offset in range(shards):
            # Each relay begins elsewhere, so that they seldom want the same one.
            shard = (offset + rank * part) % shards
            with self._state:
                wanted = len(self._held) < part
                ours = shard in self._held or shard in self._leaving
            if not wanted:
                return
            parameters = {"program": _PROGRAM, "lock": lock_id(self._schema, shard)}
            if ours or not connection.execute(_TRY_LOCK, parameters).scalar_one():
                continue
            lease = self._take_over(connection, shard)
            with self._state:
                if self._renounced:
                    return
                self._held[shard] = lease

    def _take_over(self, connection: Connection, shard: int) -> Lease:
        row = connection.execute(query("take_over"), {"shard": shard, "leader": self._identity}).one_or_none()
        if row is None:
            raise CursorMissing
        _log.info("leadership_won", shard=shard, epoch=row.epoch)
        return Lease(shard, row.epoch)


def _unsigned_lock_id(schema: str, shard: int) -> int:
    return zlib.crc32(f"{schema}.outbox/{shard}".encode())
