"""Writers, relays, a broker and an operator, doing what they may in any order."""

import sys
from enum import Enum
from typing import Any, ClassVar
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import (
    INITIALIZE_RULE_MARKER,
    RULE_MARKER,
    Rule,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from outbox_relay.protocol.relay import Idle, Standby
from tests.integration.outbox_relay.protocol.broker_model import BrokerModel, Fate
from tests.integration.outbox_relay.protocol.database import (
    RELAYS,
    WRITERS,
    ProtocolDatabase,
    StoredCursor,
)
from tests.integration.outbox_relay.protocol.guarantees import History, Violated
from tests.integration.outbox_relay.protocol.stoppable_relay import LEASE_SECONDS, ModelClock, StoppableRelay
from tests.integration.outbox_relay.protocol.writers import Writer

_ROUNDS_TO_SETTLE = 200
_ROUNDS_TO_SHARE = 3
_NOBODY_IS_IDLE = "the relays don't come to rest"

KEYS = "abc"
keys = st.sampled_from(["a", *KEYS])
_SHORT = WRITERS - 1
writers = st.integers(0, _SHORT - 1)
relays = st.integers(0, RELAYS - 1)
fates = st.sampled_from([Fate.ACKNOWLEDGED] * 5 + [Fate.GIVEN_UP, Fate.UNCERTAIN])
prefixes = st.integers(0, 3)
_BREAKPOINTS = [
    "before load",
    "after open_window",
    "before read_page",
    "after read_page",
    "before hold_back",
    "before send",
    "before wait",
    "after wait",
    "before save",
    "after save",
    "before park",
    "after park",
    "after to_replay",
    "before replayed",
]
breakpoints = st.none() | st.sampled_from(_BREAKPOINTS)


class Heirs(Enum):
    """Which relays compete at once for the shards of one that has died."""

    NOBODY = "nobody"
    ITS_SUCCESSOR = "its successor"
    THE_OTHERS = "the others"


class ProtocolMachine(RuleBasedStateMachine):
    """Subclassed with a database."""

    database: ClassVar[ProtocolDatabase]
    most_relays: ClassVar[int] = RELAYS
    is_calm: ClassVar[bool] = False
    """Nothing fails, and no relay stops in the middle of a turn."""

    @initialize(
        shards=st.integers(1, 3),
        page_events=st.sampled_from([1, 1, 2, 3]),
        page_bytes=st.sampled_from([100_000, 30, 1]),
        pages_per_turn=st.sampled_from([1, 1, 2, 3]),
        large_window=st.sampled_from([20_000, 3, 1]),
        partitions=st.booleans(),
        count=st.integers(1, RELAYS),
        is_shared=st.booleans(),
        is_one_parked=st.just(False),
    )
    def begin(
        self,
        shards: int,
        page_events: int,
        page_bytes: int,
        pages_per_turn: int,
        large_window: int,
        partitions: bool,
        count: int,
        is_shared: bool,
        is_one_parked: bool,
    ) -> None:
        """``is_shared``: the relays have shared the shards out, and published an event of each key.

        ``is_one_parked``: and one of them has parked an event since.
        """
        self.database.begin_anew(shards, partitions=partitions)
        self.now = 0
        self.clock = ModelClock()
        self.broker = BrokerModel()
        self.history = History()
        self.rows: dict[str, tuple[str, str]] = {}
        self.is_smooth = True
        self.gone: dict[str, int] = {}
        self.has_forgotten = False
        self.is_rewound = False
        self.is_rebasing = False
        self.letters: list[tuple[str, str, str]] | None = None
        self.writers = [Writer(connection, self.history) for connection in self.database.writers]
        self.page_sizes = {
            "page_events": page_events,
            "page_bytes": page_bytes,
            "pages_per_turn": pages_per_turn,
        }
        self.processes = 0
        self.relays = [self._process(number) for number in range(min(count, self.most_relays))]
        self.cursors: dict[int, StoredCursor] = {}
        self.relays[0].beat()
        if is_shared:
            self._share()
        if is_one_parked:
            self._park_one()
        self.large_window = mock.patch("outbox_relay.postgresql.source._LARGE_WINDOW", large_window)
        self.large_window.start()

    # Writers

    @rule(key=keys, count=st.integers(1, 2), refused=st.sampled_from([False] * 7 + [True]))
    def write(self, key: str, count: int, refused: bool) -> None:
        """Events in a transaction of their own."""
        for _ in range(count):
            self._insert(_SHORT, key)
        self.commit(_SHORT)
        if refused:
            self.broker.refused.add(list(self.history.events)[-1])

    @rule(writer=writers, key=keys)
    def insert(self, writer: int, key: str) -> None:
        self._insert(writer, key)

    @rule(writer=writers, key=keys)
    def lock_and_insert(self, writer: int, key: str) -> None:
        if self.writers[writer].lock(key):
            self._insert(writer, key)

    @rule(writer=writers, key=keys)
    def lock(self, writer: int, key: str) -> None:
        self.writers[writer].lock(key)

    @precondition(lambda self: self._is_any_writer_open())
    @rule(writer=writers)
    def savepoint(self, writer: int) -> None:
        self._open_writer(writer).savepoint()

    @precondition(lambda self: any(writer.savepoints for writer in self.writers))
    @rule(writer=writers)
    def roll_back_to_savepoint(self, writer: int) -> None:
        candidates = [writer for writer in self.writers if writer.savepoints]
        candidates[writer % len(candidates)].roll_back_to_savepoint()

    @precondition(lambda self: self._is_any_writer_open())
    @rule(writer=writers)
    def commit_late(self, writer: int) -> None:
        self.commit(self.writers.index(self._open_writer(writer)))

    @precondition(lambda self: self._is_any_writer_open())
    @rule(writer=writers)
    def roll_back(self, writer: int) -> None:
        self._open_writer(writer).roll_back()

    # Relays

    @rule(relay=relays, fate=fates, prefix=prefixes, stop_at=breakpoints)
    def turn(self, relay: int, fate: Fate, prefix: int, stop_at: str | None) -> None:
        """A turn, or the rest of the one that is stopped."""
        self._step(self._relay(relay), fate, prefix, stop_at)

    @precondition(lambda self: self._is_any_relay_stopped())
    @rule(relay=relays, fate=fates, prefix=prefixes, stop_at=breakpoints)
    def resume(self, relay: int, fate: Fate, prefix: int, stop_at: str | None) -> None:
        stopped = [relay for relay in self.relays if relay.stopped_at]
        self._step(stopped[relay % len(stopped)], fate, prefix, stop_at)

    @precondition(lambda self: self._are_there_dead_letters("REPLAYING"))
    @rule(relay=relays, fate=fates, prefix=prefixes, stop_at=breakpoints)
    def replay(self, relay: int, fate: Fate, prefix: int, stop_at: str | None) -> None:
        if self._relay(relay).stopped_at is None:
            self._step(self._relay(relay), fate, prefix, stop_at, replay=True)

    @rule(relay=relays, answer_takes_seconds=st.sampled_from([0.0, 0.0, 0.0, LEASE_SECONDS * 0.6]))
    def beat(self, relay: int, answer_takes_seconds: float) -> None:
        self.is_smooth = self.is_smooth and answer_takes_seconds == 0
        self._relay(relay).beat(answer_takes_seconds)
        self._end_silent_sessions()

    @rule()
    def all_beat(self) -> None:
        self._all_beat()

    @rule(relay=relays, who_competes=st.sampled_from(Heirs))
    def crash(self, relay: int, who_competes: Heirs) -> None:
        """Wherever it is stopped; another process begins in its place."""
        self.is_smooth = False
        number = relay % len(self.relays)
        self.relays[number].kill()
        self.relays[number] = self._process(number)
        for other, heir in enumerate(self.relays):
            if who_competes is (Heirs.ITS_SUCCESSOR if other == number else Heirs.THE_OTHERS):
                heir.beat()

    @rule(relay=relays, session=st.sampled_from(["work", "leadership"]))
    def lose_session(self, relay: int, session: str) -> None:
        self.is_smooth = False
        self._end_session(self._relay(relay), session)

    @rule(relay=relays, times=st.integers(1, 3))
    def saving_fails(self, relay: int, times: int) -> None:
        """And nothing else does."""
        self._relay(relay).source.saves_to_fail = times

    @rule(seconds=st.sampled_from([LEASE_SECONDS * part for part in (0.3, 0.45, 0.85, 1.1)]))
    def time_passes(self, seconds: float) -> None:
        self.is_smooth = False
        self.clock.now += seconds
        self._end_silent_sessions()

    @rule()
    def everything_settles(self) -> None:
        """An open transaction holds back nothing but its own events."""
        self._settle("stall" if self._is_any_writer_open() else "lost")

    # Broker

    @rule(relay=relays, partition=st.integers(0, 1), count=st.integers(1, 2))
    def broker_writes(self, relay: int, partition: int, count: int) -> None:
        self._relay(relay).producer.deliver_some(partition, count)

    @precondition(lambda self: self.broker.orphans)
    @rule(number=st.integers(0, 5), count=st.integers(0, 3))
    def something_arrives_late(self, number: int, count: int) -> None:
        self.broker.deliver_orphan(number % len(self.broker.orphans), count)

    @precondition(lambda self: self.history.committed())
    @rule(number=st.integers(0, 30))
    def broker_refuses(self, number: int) -> None:
        """An event that it may have taken before."""
        self.is_smooth = False
        events = self.history.committed()
        self.broker.refused.add(events[number % len(events)].event_id)

    @precondition(lambda self: self.broker.refused)
    @rule()
    def broker_refuses_nothing(self) -> None:
        self.broker.refused.clear()

    @precondition(lambda self: self.history.committed() and not self.has_forgotten)
    @rule()
    def broker_forgets(self) -> None:
        """It has lost its disk: nothing may go there until an operator has rewound the outbox."""
        self.is_smooth = False
        for relay in self.relays:
            relay.producer.abandon()
        self.broker.forget()
        self.has_forgotten = True
        self.gone = dict.fromkeys(self.gone, 0)

    # Operator

    @precondition(lambda self: self.history.committed() and not self.is_rebasing)
    @rule(number=st.integers(0, 30))
    def rewind(self, number: int) -> None:
        """To some event, or to the oldest that is kept if the broker has forgotten them all."""
        self._rewind(number)

    @precondition(lambda self: self._are_there_dead_letters("PARKED"))
    @rule(number=st.integers(0, 5), all_of_key=st.booleans())
    def replay_dead_letters(self, number: int, all_of_key: bool) -> None:
        letter, key = self._dead_letter(number)
        self._change_dead_letters(
            "UPDATE outbox_dead_letter SET state = 'REPLAYING'"
            " WHERE state = 'PARKED' AND aggregateid = :key AND (:all_of_key OR id = CAST(:letter AS uuid))",
            letter=letter,
            key=key,
            all_of_key=all_of_key,
        )

    @precondition(lambda self: self._are_there_dead_letters("PARKED"))
    @rule(number=st.integers(0, 5))
    def discard_dead_letter(self, number: int) -> None:
        letter, _ = self._dead_letter(number)
        self._change_dead_letters(
            "UPDATE outbox_dead_letter SET state = 'DISCARDED' WHERE id = :id", id=letter
        )
        self.history.events[letter].is_discarded = True
        if not self._is_anything_under_way():
            self.gone[letter] = self._occurrences(letter)

    @rule(shards=st.integers(1, 3))
    def reshard(self, shards: int) -> None:
        self.is_smooth = False
        self.database.run("SELECT outbox_reshard(:shards)", shards=shards)
        self.cursors = {}

    @precondition(lambda self: not self._is_any_writer_open())
    @rule(key=keys, is_written_to=st.booleans(), xids_ahead=st.sampled_from([-300, 0, 1_000_000]))
    def restore(self, key: str, is_written_to: bool, xids_ahead: int) -> None:
        """Into another cluster, where a service may write before the rebase begins.

        So may one that isn't finished be broken off. No process outlives it.
        """
        self.is_smooth = False
        for number, relay in enumerate(self.relays):
            relay.kill()
            self.relays[number] = self._process(number)
        self.database.move_to_another_cluster(xids_ahead)
        self.cursors = {}
        if is_written_to:
            self._insert(_SHORT, key)
            self.commit(_SHORT)
        self.database.run("SELECT outbox_begin_rebase()")
        self.is_rebasing = True
        self.rows = self._stored_rows()

    @precondition(lambda self: self.is_rebasing)
    @rule(most_rows=st.integers(1, 3), is_cut_off=st.booleans())
    def rebase(self, most_rows: int, is_cut_off: bool) -> None:
        """A batch of it, which rewrites rows."""
        if is_cut_off:
            self.database.script(f"BEGIN; SELECT outbox_rebase_batch({most_rows}); ROLLBACK")
        else:
            self._rebase(most_rows)

    @precondition(lambda self: not self._is_any_writer_open())
    @rule()
    def keep_partitions(self) -> None:
        self.database.make_partitions()
        while self.database.run("SELECT outbox_drop_partition('0')")[0][0] is not None:
            pass

    # What holds

    @invariant()
    def log_is_right(self) -> None:
        self.history.check_log(self._log())
        if self.is_smooth and not any(relay.has_failed for relay in self.relays):
            self.history.check_once(self._log())
        for letter, occurrences in self.gone.items():
            if self._occurrences(letter) > occurrences:
                raise Violated("discarded", f"{self.history.events[letter].label} is sent nevertheless")

    @invariant()
    def shards_have_one_leader(self) -> None:
        for shard in range(3):
            leaders = [relay for relay in self.relays if not relay.is_cut_off and relay.may_send(shard)]
            if len(leaders) > 1:
                raise Violated("leader", f"{[relay.name for relay in leaders]} lead shard {shard}")

    @invariant()
    def cursors_go_forward(self) -> None:
        """But for a change of the shards' number: no former leader moves one back."""
        stored = self.database.cursors()
        for shard, cursor in stored.items():
            if shard in self.cursors and cursor.is_behind(self.cursors[shard]):
                raise Violated("cursor", f"shard {shard} goes back from {self.cursors[shard]} to {cursor}")
        self.cursors = stored

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None and hasattr(self, "relays"):
                self._end_well()
        finally:
            if hasattr(self, "relays"):
                self.large_window.stop()
                for relay in self.relays:
                    relay.kill()
                for writer in self.writers:
                    writer.roll_back()

    def _end_well(self) -> None:
        """Everybody comes to an end, the broker takes everything: now it must all be there."""
        self._settle("stall")
        for number, writer in enumerate(self.writers):
            if writer.is_open:
                self.commit(number)
        self.broker.refused.clear()
        self._change_dead_letters("UPDATE outbox_dead_letter SET state = 'REPLAYING' WHERE state = 'PARKED'")
        self._settle("lost")
        if self._are_there_dead_letters("PARKED") or self._are_there_dead_letters("REPLAYING"):
            raise Violated("lost", "a dead letter is left")
        stored = self._stored_rows()
        for event_id, place in stored.items():
            if self.rows[event_id] != place:
                raise Violated("churn", f"{self.history.events[event_id].label} has been touched")

    def _rewind(self, number: int) -> None:
        self.is_smooth = False
        if self.has_forgotten:
            kept = self._stored_rows()
            for event in self.history.committed():
                event.is_forgotten = event.event_id not in kept
            self.has_forgotten = False
            number = 0
        self.database.rewind(number, self.broker.identity)
        self.cursors = {}
        self.is_rewound = True

    def _rebase(self, most_rows: int) -> None:
        ((events,),) = self.database.run("SELECT outbox_rebase_batch(:rows)", rows=most_rows)
        self.is_rebasing = events is None
        self.cursors = {}
        self.rows = self._stored_rows()

    def _settle(self, guarantee: str) -> None:
        """Let relays work until nothing is left to do, and see whether everything committed has arrived."""
        self.letters = None
        while self.is_rebasing:
            self._rebase(3)
        if self.has_forgotten:
            self._rewind(0)
        for relay in self.relays:
            self._finish(relay)
        if self.is_rewound:
            # A former leader that has nothing to publish learns of its end by a beat alone.
            self._all_beat()
            self.is_rewound = False
        quiet_rounds = 0
        for _ in range(_ROUNDS_TO_SETTLE):
            if not self._is_everything_led():
                self._all_beat()
            are_at_rest = [self._come_to_rest(relay) for relay in self.relays]
            quiet_rounds = quiet_rounds + 1 if all(are_at_rest) and self._is_everything_led() else 0
            # The last page of an old window may be empty while another window waits.
            if quiet_rounds == 2:
                break
        else:
            results = {relay.name: relay.result for relay in self.relays}
            raise Violated("progress", f"the relays don't come to rest: {results}")
        self.letters = None
        self.log_is_right()
        self.cursors_go_forward()
        self.history.check_arrived(guarantee, self._log(), excused=self._open_dead_letters())

    def _share(self) -> None:
        for _ in range(_ROUNDS_TO_SHARE):
            self._all_beat()
            self._all_turn()
        for key in KEYS:
            self._insert(_SHORT, key)
        self.commit(_SHORT)
        self._all_turn()

    def _park_one(self) -> None:
        self._insert(_SHORT, KEYS[0])
        self.commit(_SHORT)
        self.broker.refused.add(list(self.history.events)[-1])
        # It is parked by the first turn, and passed by the cursor in the next one.
        for _ in range(2):
            self._all_turn()

    def _all_turn(self) -> None:
        for relay in self.relays:
            relay.turn()

    def _all_beat(self) -> None:
        for relay in self.relays:
            relay.beat()

    def _finish(self, relay: StoppableRelay) -> None:
        while relay.stopped_at is not None:
            relay.resume()

    def _come_to_rest(self, relay: StoppableRelay) -> bool:
        relay.turn()
        if not isinstance(relay.result, Idle | Standby):
            return False
        relay.replay()
        return isinstance(relay.result, Idle | Standby)

    def _is_everything_led(self) -> bool:
        ((shards,),) = self.database.run("SELECT count(*) FROM outbox_cursor")
        return set().union(*(relay.shards for relay in self.relays)) == set(range(shards))

    def _step(
        self, relay: StoppableRelay, fate: Fate, prefix: int, stop_at: str | None, *, replay: bool = False
    ) -> None:
        if self.is_calm:
            fate, stop_at = Fate.ACKNOWLEDGED, None
        relay.producer.next_fate, relay.producer.next_prefix = fate, prefix
        self.letters = None
        if relay.stopped_at is not None:
            relay.resume(stop_at)
        elif replay:
            relay.replay(stop_at)
        else:
            relay.turn(stop_at)
        relay.producer.next_fate = Fate.ACKNOWLEDGED

    def _relay(self, number: int) -> StoppableRelay:
        return self.relays[number % len(self.relays)]

    def _process(self, number: int) -> StoppableRelay:
        self.processes += 1
        return StoppableRelay(
            f"relay-{number}.{self.processes}",
            self.database.relays[number],
            self.clock,
            self.broker,
            self.cursors_go_forward,
            **self.page_sizes,
        )

    def _end_silent_sessions(self) -> None:
        for relay in self.relays:
            if self.clock.now - relay.heard_at >= LEASE_SECONDS:
                relay.lose_session("leadership")

    def _end_session(self, relay: StoppableRelay, name: str) -> None:
        relay.is_cut_off = relay.is_cut_off or name == "leadership"
        relay.lose_session(name)

    def _insert(self, writer: int, key: str) -> None:
        self.now += 1
        self.writers[writer].insert(key, self.now)

    def commit(self, writer: int) -> None:
        self.now += 1
        own = self.writers[writer]
        self.rows |= self._rows_of(own)
        own.commit(self.now)

    def _rows_of(self, writer: Writer) -> dict[str, tuple[str, str]]:
        rows = writer.connection.exec_driver_sql(
            "SELECT CAST(id AS text), CAST(xmin AS text), CAST(ctid AS text) FROM outbox"
            " WHERE xid = pg_current_xact_id_if_assigned()"
        )
        return {event_id: (xmin, ctid) for event_id, xmin, ctid in rows}

    def _stored_rows(self) -> dict[str, tuple[str, str]]:
        rows = self.database.run(
            "SELECT CAST(id AS text), CAST(xmin AS text), CAST(ctid AS text) FROM outbox"
        )
        return {event_id: (xmin, ctid) for event_id, xmin, ctid in rows}

    def _log(self) -> list[list[str]]:
        return [[event.event_id for event in partition] for partition in self.broker.log]

    def _is_any_writer_open(self) -> bool:
        return any(writer.is_open for writer in self.writers)

    def _open_writer(self, number: int) -> Writer:
        candidates = [writer for writer in self.writers if writer.is_open]
        return candidates[number % len(candidates)]

    def _is_anything_under_way(self) -> bool:
        return (
            self._is_any_relay_stopped()
            or bool(self.broker.orphans)
            or any(relay.producer.has_pending for relay in self.relays)
        )

    def _occurrences(self, event_id: str) -> int:
        return sum(partition.count(event_id) for partition in self._log())

    def _is_any_relay_stopped(self) -> bool:
        return any(relay.stopped_at for relay in self.relays)

    def _dead_letters(self, state: str) -> list[tuple[str, str]]:
        if self.letters is None:
            self.letters = self.database.run(
                "SELECT CAST(id AS text), aggregateid, state FROM outbox_dead_letter ORDER BY position"
            )
        return [(letter, key) for letter, key, own_state in self.letters if own_state == state]

    def _dead_letter(self, number: int) -> tuple[str, str]:
        letters = self._dead_letters("PARKED")
        return letters[number % len(letters)]

    def _change_dead_letters(self, statement: str, **parameters: object) -> None:
        self.database.run(statement, **parameters)
        self.letters = None

    def _are_there_dead_letters(self, state: str) -> bool:
        return bool(self._dead_letters(state))

    def _open_dead_letters(self) -> set[str]:
        return {letter for state in ("PARKED", "REPLAYING") for letter, _ in self._dead_letters(state)}


def _rules() -> dict[str, Rule]:
    found = {
        name: getattr(getattr(ProtocolMachine, name), RULE_MARKER, None) for name in dir(ProtocolMachine)
    }
    return {name: found_rule for name, found_rule in found.items() if found_rule is not None}


class SceneMachine(ProtocolMachine):
    """Does only what a scene says, each as often as it is named.

    Hypothesis leaves out some rules of a machine in each example, at random: good where any two of many rules
    may be one too many for a failure, but with four of which a failure needs each, most examples would be in
    vain.
    """

    names: ClassVar[tuple[str, ...]]
    arguments: ClassVar[dict[str, st.SearchStrategy[dict[str, object]]]]

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        possible = tuple(
            name for name in self.names if all(holds(self) for holds in _rules()[name].preconditions)
        )
        name = data.draw(st.sampled_from(possible))
        _rules()[name].function(self, **data.draw(self.arguments[name]))


class Scene:
    """A part of what may happen, for more of it to happen; everything if no rule is named.

    ``choices``: what arguments of its rules, and of its beginning, are drawn from instead.
    """

    def __init__(
        self, name: str, most_relays: int, *rules: str, **choices: st.SearchStrategy[object]
    ) -> None:
        self.name = name
        self._most_relays = most_relays
        self._rules = rules
        self._choices = choices

    def machine(self, database: ProtocolDatabase) -> type[ProtocolMachine]:
        """The machine of this scene."""
        attributes: dict[str, object] = {"database": database, "most_relays": self._most_relays}
        if not self._rules:
            return type("EverythingMachine", (ProtocolMachine,), attributes)
        beginning: Rule = getattr(ProtocolMachine.begin, INITIALIZE_RULE_MARKER)
        begins: Any = initialize(**self._arguments(beginning))
        attributes |= {
            "begin": begins(beginning.function),
            "names": self._rules,
            "arguments": {
                name: st.fixed_dictionaries(self._arguments(_rules()[name])) for name in self._rules
            },
            "is_calm": "resume" not in self._rules,
        }
        name = f"{self.name.title().replace(' ', '')}Machine"
        return type(name, (SceneMachine,), dict.fromkeys(_rules()) | attributes)

    def _arguments(self, of: Rule) -> dict[str, Any]:
        return {name: self._choices.get(name, usual) for name, usual in of.arguments.items()}


_TRANSACTIONS = ("write", "insert", "insert", "commit_late", "turn", "turn")
_often_fails = st.sampled_from([Fate.ACKNOWLEDGED, Fate.ACKNOWLEDGED, Fate.GIVEN_UP, Fate.UNCERTAIN])
_stops_on_the_way = st.none() | st.sampled_from(["before wait", "after wait", "before save"])
_KEYS_OF_DIFFERENT_SHARDS = "ac"
_often = st.sampled_from([False, False, True])

WINDOWS = Scene("windows", 1, *_TRANSACTIONS, page_events=st.integers(1, 3))
TRANSACTIONS = Scene(
    "transactions",
    1,
    *_TRANSACTIONS,
    "lock",
    "lock_and_insert",
    "roll_back",
    "savepoint",
    "roll_back_to_savepoint",
)
FAILURES = Scene(
    "failures",
    1,
    *_TRANSACTIONS,
    *["turn", "all_beat"] * 2,
    "write",
    "resume",
    "crash",
    "lose_session",
    "saving_fails",
    "broker_writes",
    "something_arrives_late",
    fate=_often_fails,
    pages_per_turn=st.integers(1, 3),
)
SAVING = Scene(
    "saving", 1, *_TRANSACTIONS, "saving_fails", pages_per_turn=st.just(1), fate=st.just(Fate.ACKNOWLEDGED)
)
LEADERS = Scene(
    "leaders",
    RELAYS,
    *["write", "turn", "turn", "resume", "beat", "time_passes"] * 2,
    "all_beat",
    "crash",
    "lose_session",
    session=st.just("leadership"),
    count=st.integers(2, RELAYS),
)
FORMER_LEADERS = Scene(
    "former leaders",
    2,
    *["write", "turn", "turn", "turn", "resume", "beat", "beat", "lose_session"],
    answer_takes_seconds=st.just(0.0),
    fate=st.just(Fate.ACKNOWLEDGED),
    page_bytes=st.just(100_000),
    session=st.just("leadership"),
    shards=st.just(1),
    stop_at=_stops_on_the_way,
    count=st.just(2),
)
LEASES = Scene(
    "leases",
    RELAYS,
    *["write", "turn", "resume", "beat", "beat", "time_passes"],
    count=st.integers(2, RELAYS),
)
HANDOVERS = Scene(
    "handovers",
    RELAYS,
    *["write", "turn", "turn", "resume", "beat"],
    answer_takes_seconds=st.just(0.0),
    fate=st.just(Fate.ACKNOWLEDGED),
    stop_at=_stops_on_the_way,
    count=st.integers(2, RELAYS),
    is_shared=st.just(False),
)
SHARDS = Scene(
    "shards",
    2,
    *_TRANSACTIONS,
    *["turn", "resume", "all_beat"] * 2,
    "reshard",
    "crash",
    shards=st.integers(2, 3),
    count=st.just(2),
)
DEAD_LETTERS = Scene(
    "dead letters",
    1,
    *["write", "turn", "turn"] * 2,
    *["replay", "replay_dead_letters"] * 2,
    "crash",
    "broker_refuses",
    "broker_refuses_nothing",
    "discard_dead_letter",
    "resume",
    "all_beat",
    refused=_often,
)
REPLAYS = Scene(
    "replays",
    1,
    # A turn between the parking of an event and its replay moves the cursor past it.
    *["write", "turn", "broker_refuses_nothing"],
    *["replay", "replay_dead_letters"] * 2,
    all_of_key=st.just(False),
    page_bytes=st.just(100_000),
    page_events=st.integers(2, 3),
    refused=_often,
)
HELD_BACK = Scene(
    "held back",
    2,
    *["write", "write", "turn", "turn", "turn", "crash"],
    who_competes=st.just(Heirs.THE_OTHERS),
    key=st.sampled_from(_KEYS_OF_DIFFERENT_SHARDS),
    refused=_often,
    relay=st.integers(0, 1),
    shards=st.integers(2, 3),
    count=st.just(2),
    is_shared=st.just(True),
    # Only a relay that has seen no dead letter yet doesn't look anyway.
    is_one_parked=st.booleans(),
)
OPERATIONS = Scene(
    "operations",
    2,
    *_TRANSACTIONS,
    "all_beat",
    "replay",
    "broker_refuses",
    "broker_refuses_nothing",
    "replay_dead_letters",
    "discard_dead_letter",
    "reshard",
)
FORGETTING = Scene(
    "forgetting",
    2,
    *_TRANSACTIONS,
    *["broker_forgets", "rewind"] * 2,
    *["turn", "resume", "all_beat"] * 2,
    "crash",
    stop_at=_stops_on_the_way | st.just("before send"),
    count=st.integers(1, 2),
)
PARTITIONS = Scene(
    "partitions",
    1,
    *_TRANSACTIONS,
    *["resume", "crash", "reshard", "keep_partitions", "all_beat"],
)
RESTORED = Scene(
    "restored",
    2,
    *_TRANSACTIONS,
    *["rebase"] * 3,
    *["restore", "resume", "crash", "reshard", "keep_partitions", "all_beat"],
)
EVERYTHING = Scene("everything", RELAYS)
SCENES = (
    WINDOWS,
    TRANSACTIONS,
    FAILURES,
    SAVING,
    LEADERS,
    FORMER_LEADERS,
    LEASES,
    HANDOVERS,
    SHARDS,
    DEAD_LETTERS,
    REPLAYS,
    HELD_BACK,
    OPERATIONS,
    PARTITIONS,
    RESTORED,
    FORGETTING,
    EVERYTHING,
)
