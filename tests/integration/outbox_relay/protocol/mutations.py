"""Every safeguard of the relay's protocol, and the code without it.

A mutation replaces source text, so each change is checked against the source as it is: :meth:`Mutation.check`
needs no database, and a change whose text is gone fails instead of changing nothing.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest import mock

from sqlalchemy import text

from outbox_relay.postgresql import cursors, leadership, queries
from outbox_relay.postgresql.dead_letters import PostgresDeadLetters
from outbox_relay.postgresql.known_topics import KnownTopics
from outbox_relay.postgresql.leadership import Leadership
from outbox_relay.postgresql.source import PostgresSource
from outbox_relay.protocol.model import Window
from outbox_relay.protocol.relay import Relay, _Flight
from servicekit.outbox.ddl import outbox_ddl
from tests.integration.outbox_relay.protocol.database import ProtocolDatabase
from tests.integration.outbox_relay.protocol.machine import (
    DEAD_LETTERS,
    FAILURES,
    FORGETTING,
    FORMER_LEADERS,
    HANDOVERS,
    HELD_BACK,
    LEADERS,
    LEASES,
    PARTITIONS,
    REPLAYS,
    RESTORED,
    SAVING,
    SHARDS,
    WINDOWS,
    Scene,
)

_CACHED = ("query", "preparation", "execution", "_sharded")


@dataclass(frozen=True)
class InStatement:
    """Other texts in ``sql/<name>.sql``."""

    name: str
    replacements: dict[str, str]

    def broken(self) -> str:
        return _replaced(vars(queries)["_read"](self.name), self.replacements)

    def check(self) -> None:
        """Raises ValueError when the text to be replaced isn't there."""
        self.broken()

    @contextmanager
    def applied(self, _: ProtocolDatabase) -> Iterator[None]:
        read = vars(queries)["_read"]
        broken = self.broken()
        other = mock.patch.object(queries, "_read", lambda name: broken if name == self.name else read(name))
        with other, _without_caches():
            yield


@dataclass(frozen=True)
class InCode:
    """Another text in a method, or in a function that is called by its module."""

    owner: type | ModuleType
    name: str
    old: str
    new: str

    def broken(self) -> object:
        """It with that text."""
        original = getattr(self.owner, self.name)
        source = _replaced(textwrap.dedent(inspect.getsource(original)), {self.old: self.new})
        names: dict[str, Any] = {}
        exec(source, original.__globals__, names)  # noqa: S102 - our own code, changed
        return names[self.name]

    def check(self) -> None:
        """Raises ValueError when the text to be replaced isn't there."""
        self.broken()

    @contextmanager
    def applied(self, _: ProtocolDatabase) -> Iterator[None]:
        with mock.patch.object(self.owner, self.name, self.broken()):
            yield


@dataclass(frozen=True)
class InConstant:
    """Another value of a module's constant."""

    module: ModuleType
    name: str
    new: object

    def check(self) -> None:
        """Raises AttributeError when there is no such constant."""
        getattr(self.module, self.name)

    @contextmanager
    def applied(self, _: ProtocolDatabase) -> Iterator[None]:
        with mock.patch.object(self.module, self.name, self.new), _without_caches():
            yield


@dataclass(frozen=True)
class InDatabase:
    """Another text in one of the outbox's functions."""

    function: str
    old: str
    new: str

    def check(self) -> None:
        """Raises ValueError when the function that is shipped hasn't got the text to be replaced."""
        definition = rf'CREATE (?:OR REPLACE )?FUNCTION "public"\.{self.function}\(.*?\$body\$(.*?)\$body\$'
        bodies: list[str] = re.findall(definition, outbox_ddl("outbox_relay"), re.DOTALL)
        _replaced(bodies[-1] if bodies else "", {self.old: self.new})

    @contextmanager
    def applied(self, database: ProtocolDatabase) -> Iterator[None]:
        ((original,),) = database.run(
            "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = :name", name=self.function
        )
        database.script(_replaced(original, {self.old: self.new}))
        try:
            yield
        finally:
            database.script(original)


@dataclass(frozen=True)
class InSequence:
    """Positions that a writer's session takes ahead."""

    cache: int

    def check(self) -> None:
        """Replaces nothing."""

    @contextmanager
    def applied(self, database: ProtocolDatabase) -> Iterator[None]:
        database.script(f"ALTER TABLE outbox ALTER COLUMN position SET CACHE {self.cache}")
        try:
            yield
        finally:
            database.script("ALTER TABLE outbox ALTER COLUMN position SET CACHE 1")


Change = InStatement | InCode | InConstant | InDatabase | InSequence


@dataclass(frozen=True)
class Mutation:
    """The code without one safeguard."""

    scene: Scene
    """Where that is seen soonest."""
    safeguard: str
    violates: frozenset[str]
    """The guarantees that may be seen to break."""
    changes: tuple[Change, ...]

    def check(self) -> None:
        """Raises when a text to be replaced isn't there; needs no server."""
        for change in self.changes:
            change.check()

    @contextmanager
    def applied(self, database: ProtocolDatabase) -> Iterator[None]:
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(change.applied(database))
            yield


def _mutation(scene: Scene, safeguard: str, violates: str, *changes: Change) -> Mutation:
    # What is lost is seen at the end, while a transaction is still open, or by a later event of its key.
    guarantees = violates.replace("lost", "lost or stall or order")
    return Mutation(scene, safeguard, frozenset(guarantees.split(" or ")), changes)


_VISIBLE_IN_UPPER = "AND pg_visible_in_snapshot(xid, CAST(:window AS pg_snapshot))"
_LATE_VISIBLE_IN_UPPER = "AND pg_visible_in_snapshot(outbox.xid, CAST(:window AS pg_snapshot))"
_NOT_VISIBLE_IN_LOWER = "AND NOT pg_visible_in_snapshot(xid, CAST(:snapshot AS pg_snapshot))"
_NOT_LATE = "AND xid <> ALL (ARRAY(SELECT pg_snapshot_xip(CAST(:snapshot AS pg_snapshot))))"
_PAGE_ORDER = "ORDER BY position\n            LIMIT"
_FENCE = "(shard, epoch) IN (SELECT * FROM unnest(CAST(:shards AS integer[]), CAST(:epochs AS bigint[])))"
_NO_FENCE = "shard = ANY (CAST(:shards AS integer[])) AND CAST(:epochs AS bigint[]) IS NOT NULL"

MUTATIONS = (
    # Windows
    _mutation(
        WINDOWS,
        "A window is bounded by snapshots and not by the last position",
        "lost or order",
        InCode(Window, "closed", "Cursor(self.upper)", "Cursor(self.upper, None, self.position)"),
    ),
    _mutation(
        WINDOWS,
        "Late rows, whose xid is below the cursor's xmax, belong to the window",
        "lost or order",
        InCode(PostgresSource, "open_window", "row.has_late_rows", "False"),
    ),
    _mutation(
        WINDOWS,
        "A page holds nothing that was committed after its window's upper snapshot",
        "order or repetition",
        InStatement("read_page", {_VISIBLE_IN_UPPER: "AND :window IS NOT NULL"}),
        InStatement(
            "read_late_page",
            {_VISIBLE_IN_UPPER: "AND :window IS NOT NULL", _LATE_VISIBLE_IN_UPPER: ""},
        ),
    ),
    _mutation(
        WINDOWS,
        "Nor does the part of a page that holds late rows",
        "order or repetition",
        InStatement("read_late_page", {_LATE_VISIBLE_IN_UPPER: ""}),
    ),
    _mutation(
        WINDOWS,
        "A page holds nothing that is visible in its window's lower snapshot",
        "repetition",
        InStatement("read_page", {_NOT_VISIBLE_IN_LOWER: ""}),
        InStatement("read_late_page", {_NOT_VISIBLE_IN_LOWER: ""}),
    ),
    _mutation(
        WINDOWS,
        "A late row is in one part of a page only",
        "repetition",
        InStatement("read_late_page", {_NOT_LATE: ""}),
    ),
    _mutation(
        WINDOWS,
        "In a window the order is that of positions and not of xids",
        "order or lost",
        InStatement("read_page", {_PAGE_ORDER: _PAGE_ORDER.replace("position", "xid, position")}),
    ),
    _mutation(
        FAILURES,
        "A window that was begun is gone on with, and not opened anew at the position reached",
        "lost",
        InCode(PostgresSource, "open_window", "cursor.window_snapshot or upper", "upper"),
    ),
    _mutation(
        WINDOWS,
        "A full page is not the last one of its window",
        "lost or order",
        InCode(PostgresSource, "read_page", "len(rows) < limit", "len(rows) <= limit"),
    ),
    _mutation(
        WINDOWS,
        "A page that was cut at its bytes is not the last one of its window",
        "lost or order",
        InCode(PostgresSource, "read_page", "not cut and ", ""),
    ),
    _mutation(
        PARTITIONS,
        "A large window's beginning is looked for from the lowest position on",
        "lost",
        InCode(PostgresSource, "_find_main_start", "zip(bounds, ends,", "zip(bounds[2:], ends[2:],"),
    ),
    _mutation(
        WINDOWS,
        "A writer's session takes no positions ahead",
        "order",
        InSequence(cache=3),
    ),
    # Turns
    _mutation(
        FAILURES,
        "The cursor moves after the acknowledgement",
        "lost",
        InCode(Relay, "_land", "flight.delivery.wait()", "pass"),
    ),
    _mutation(
        FAILURES,
        "After a failure everything that is on its way is given up",
        "order",
        InCode(Relay, "_guarded", "self._publisher.abandon()", "pass"),
        InCode(Relay, "_keep_acknowledged", "self._publisher.abandon()", "pass"),
    ),
    _mutation(
        FAILURES,
        "Of a page that failed nothing counts from its first gap on",
        "lost",
        InCode(_Flight, "up_to_gap", "event.position < first", "event.position <= first"),
    ),
    _mutation(
        SAVING,
        "A page whose saving failed stays acknowledged",
        "repetition",
        InCode(
            Relay,
            "_move",
            "lane.window, lane.cursor, lane.is_saved = window, cursor, False",
            "self._source.save(cursor, lane.leases); lane.window, lane.cursor = window, cursor",
        ),
    ),
    _mutation(
        DEAD_LETTERS,
        "A refused event is parked before the cursor can pass it",
        "progress",
        InCode(Relay, "_park", "self._dead_letters.park(rejected)", "pass"),
    ),
    # Shards and leaders
    _mutation(
        SHARDS,
        "The cursor is fenced by the epoch",
        "lost or cursor",
        InStatement("save_cursors", {_FENCE: _NO_FENCE}),
        InStatement("load_cursors", {_FENCE: _NO_FENCE}),
    ),
    _mutation(
        FORMER_LEADERS,
        "A new leader begins a new epoch",
        "cursor",
        InStatement("take_over", {"epoch = epoch + 1": "epoch = epoch"}),
    ),
    _mutation(
        LEADERS,
        "A relay looks at the clock before it sends",
        "lease",
        InCode(Relay, "_check_leases", "not self._source.holds(lane.leases)", "False"),
    ),
    _mutation(
        LEASES,
        "A lease ends before the server ends a silent session",
        "leader",
        InConstant(leadership, "_SAFE_PART_OF_TIMEOUT", 1.5),
    ),
    _mutation(
        LEASES,
        "A lease counts from the question and not from the answer",
        "leader",
        InCode(Leadership, "_confirm_and_compete", "= asked_at", "= self._clock()"),
    ),
    _mutation(
        LEADERS,
        "A shard is led by the relay that has its lock",
        "leader or progress",
        InConstant(leadership, "_TRY_LOCK", text("SELECT :program IS NOT NULL AND :lock IS NOT NULL")),
    ),
    _mutation(
        LEADERS,
        "A shard's lock is given back when nothing of it is on its way any more",
        "leader",
        InCode(
            Leadership,
            "_give_back",
            "self._leaving[shard] = self._held.pop(shard)",
            "self._leaving[shard] = self._held.pop(shard); self._connection.execute("
            '_UNLOCK, {"program": _PROGRAM, "lock": lock_id(self._schema, shard)})',
        ),
    ),
    _mutation(
        SHARDS,
        "A lane has its shards' events only",
        "repetition",
        InConstant(queries, "_SHARD_OF_ROW", "true"),
    ),
    _mutation(
        SHARDS,
        "Lanes join at equal cursors only",
        "order or cursor or lost or repetition",
        InCode(Relay, "_join_lanes", "(lane.cursor, lane.window, lane.total, lane.is_saved)", "lane.total"),
    ),
    _mutation(
        HANDOVERS,
        "A lane keeps the shards that it has the leases of",
        "repetition or lease or progress",
        InCode(Relay, "_follow_leases", "leases.get(lease.shard) == lease", "lease"),
    ),
    _mutation(
        SHARDS,
        "After a change of the shards' number all begin where the one furthest behind stood",
        "lost",
        InDatabase("outbox_reshard", "min(pg_snapshot_xmax(snapshot))", "max(pg_snapshot_xmax(snapshot))"),
    ),
    _mutation(
        SHARDS,
        "Then what was running for any shard is late for all",
        "lost",
        InDatabase("outbox_reshard", "ON running.xid < bounds.xmax", "ON false"),
    ),
    _mutation(
        SHARDS,
        "Then former leaders lose their epoch",
        "lost or progress",
        InDatabase("outbox_reshard", "max(epoch) + 1", "max(epoch)"),
    ),
    # Rewinding
    _mutation(
        FORGETTING,
        "Nothing is sent to topics that were made anew",
        "order",
        InCode(KnownTopics, "verify", "raise change", "pass"),
    ),
    _mutation(
        FORGETTING,
        "Other topics are accepted with the cursors of then",
        "order or progress",
        InCode(
            Relay, "_guarded", "LostLeadership | SessionLost | KafkaChanged", "LostLeadership | SessionLost"
        ),
    ),
    _mutation(
        FORGETTING,
        "A rewound cursor begins before every event since",
        "lost",
        InDatabase(
            "outbox_rewind",
            "least(min(pg_snapshot_xmax(snapshot)), first_xid)",
            "min(pg_snapshot_xmax(snapshot))",
        ),
    ),
    _mutation(
        FORGETTING,
        "After rewinding former leaders lose their epoch",
        "lost or progress or order or cursor",
        InDatabase("outbox_rewind", "(SELECT max(epoch) FROM outbox_cursor) + 1", "epoch"),
    ),
    _mutation(
        FORGETTING,
        "After rewinding only the topics of then are published to",
        "order",
        InCode(cursors, "rewind", "remember(connection, topics)", "pass"),
    ),
    # Dead letters
    _mutation(
        DEAD_LETTERS,
        "What follows a parked event of its key is held back",
        "order or discarded or progress",
        InCode(PostgresDeadLetters, "hold_back", "return ready", "return events"),
    ),
    _mutation(
        DEAD_LETTERS,
        "What is held back is kept as a dead letter",
        "lost",
        InStatement("park_behind", {"WHERE outbox.position = ANY": "WHERE false AND outbox.position = ANY"}),
    ),
    _mutation(
        HELD_BACK,
        "Who takes over a shard looks which keys are held back",
        "order",
        InCode(Relay, "_follow_leases", "self._dead_letters.refresh()", "pass"),
    ),
    _mutation(
        REPLAYS,
        "A replay waits for the parked ones before it",
        "order",
        InStatement("read_replays", {"AND earlier.state = 'PARKED'": "AND false"}),
    ),
    _mutation(
        REPLAYS,
        "A replay waits until the cursor has passed it",
        "order",
        InStatement("read_replays", {"(SELECT pg_visible": "(SELECT true OR pg_visible"}),
    ),
    _mutation(
        DEAD_LETTERS,
        "Replays go in the order of positions",
        "order",
        InStatement(
            "read_replays",
            {
                _PAGE_ORDER: _PAGE_ORDER.replace("position", "position DESC"),
                "bytes\nORDER BY position": "bytes\nORDER BY position DESC",
            },
        ),
    ),
    _mutation(
        DEAD_LETTERS,
        "A replay is closed after the acknowledgement",
        "lost",
        InCode(Relay, "_send_again", "delivery.wait()", "pass"),
    ),
    _mutation(
        DEAD_LETTERS,
        "A replay that is refused is parked again",
        "progress or order",
        InStatement("park", {"AND state IN ('REPLAYING', 'REPLAYED')": "AND false"}),
    ),
    _mutation(
        DEAD_LETTERS,
        "What is discarded stays unsent when it is read again",
        "discarded or progress",
        InCode(PostgresDeadLetters, "hold_back", "event.position not in discarded", "True"),
    ),
    # Retention and restore
    _mutation(
        PARTITIONS,
        "Retention waits until every cursor has passed a partition",
        "lost",
        InDatabase("outbox_is_passed", "WHERE xid >= pg_snapshot_xmax(cursor.snapshot)", "WHERE false"),
    ),
    _mutation(
        PARTITIONS,
        "Retention waits for late rows, too",
        "lost",
        InDatabase("outbox_is_passed", "ON rows.xid = late.xid", "ON false"),
    ),
    _mutation(
        RESTORED,
        "After a restore what was not published belongs to the next window",
        "lost",
        InDatabase("outbox_rebase_batch", "ELSE rebasing.xid END", "ELSE '3'::xid8 END"),
    ),
    _mutation(
        RESTORED,
        "What a restored cluster's services wrote before the rebase was not published",
        "lost",
        InDatabase("outbox_rebase_batch", "age(outbox.xmin) < age(rebasing.key_made)", "false"),
    ),
    _mutation(
        RESTORED,
        "What they write during the rebase is left as it is",
        "lost",
        InDatabase(
            "outbox_rebase_batch",
            "BETWEEN lowest_position AND rebasing.position",
            "BETWEEN lowest_position AND 9e9",
        ),
    ),
    _mutation(
        RESTORED,
        "After a rebase that was broken off by a restore the former cursors say nothing",
        "lost",
        InDatabase("outbox_begin_rebase", "'1:1:'::pg_snapshot", "snapshot"),
    ),
    _mutation(
        RESTORED,
        "Relays refuse the source until the rebase is finished",
        "lost or order or cursor or progress or repetition",
        InDatabase("outbox_begin_rebase", "SET system_identifier = 0", "SET system_identifier = identifier"),
    ),
    _mutation(
        RESTORED,
        "After a rebase the cursors begin before it",
        "lost",
        InDatabase("outbox_rebase_batch", "rebasing.begin_after", "pg_current_snapshot()"),
    ),
)


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        if old not in text:
            raise ValueError(f"{old!r} is not in {text}")
        text = text.replace(old, new)
    return text


@contextmanager
def _without_caches() -> Iterator[None]:
    clear: list[Callable[[], None]] = [vars(queries)[name].cache_clear for name in _CACHED]
    for cache_clear in clear:
        cache_clear()
    try:
        yield
    finally:
        for cache_clear in clear:
            cache_clear()
