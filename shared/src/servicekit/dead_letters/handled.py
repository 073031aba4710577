"""Which dead letters have been handled, how, by whom and why."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from servicekit.dead_letters.schema import HANDLED_DEAD_LETTERS
from servicekit.dead_letters.table import handled_dead_letter as table

State = Literal["REPLAYED", "DISCARDED"]


@dataclass(frozen=True, slots=True, order=True)
class DeadLetterId:
    """A record of a dead-letter topic."""

    partition: int
    offset: int
    time_ms: int
    """As Kafka has it: offsets begin again in a topic that is made again."""

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Handling:
    """What was done with a dead letter."""

    state: State
    by: str
    reason: str
    at: datetime


class HandledDeadLetters:
    """The handled records of one dead-letter topic. Each call is a transaction."""

    def __init__(self, engine: Engine, topic: str) -> None:
        self._engine = engine
        self._topic = topic

    def check_schema(self, service: str) -> None:
        """Raises :class:`servicekit.db.schema.SchemaRefused` until the migration has made the table."""
        with self._engine.connect() as connection:
            found = HANDLED_DEAD_LETTERS.read(connection.connection)
        HANDLED_DEAD_LETTERS.check(
            found, service, f"run `{service} migrate`, with --contract if one is pending"
        )

    def of(self, letters: Collection[DeadLetterId]) -> Mapping[DeadLetterId, Handling]:
        """Those of these that were handled. States are kept for ever: never all of them at once."""
        places = tuple_(table.c.partition_number, table.c.record_offset, table.c.record_time_ms)
        asked = [(letter.partition, letter.offset, letter.time_ms) for letter in letters]
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(table).where(table.c.topic == self._topic, places.in_(asked))
            ).all()
        return {
            DeadLetterId(row.partition_number, row.record_offset, row.record_time_ms): Handling(
                row.state, row.handled_by, row.reason, row.handled_at
            )
            for row in rows
        }

    def add(self, letter: DeadLetterId, state: State, *, by: str, reason: str) -> None:
        """Remember it; what was remembered before stays."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(table)
                .values(
                    topic=self._topic,
                    partition_number=letter.partition,
                    record_offset=letter.offset,
                    record_time_ms=letter.time_ms,
                    state=state,
                    handled_by=by,
                    reason=reason,
                )
                .on_conflict_do_nothing()
            )
