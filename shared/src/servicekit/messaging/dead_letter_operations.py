"""What an operator can do with the records of a dead-letter topic."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Generic, TypeVar

import structlog

from servicekit.dead_letters.handled import DeadLetterId, HandledDeadLetters, Handling
from servicekit.messaging.handler import MessageHandler
from servicekit.messaging.records import InvalidMessage, ReceivedRecord, UnreadableRecords
from servicekit.messaging.topic_reader import TopicReader

# The writer's own headers begin with it, behind the record's, which may have any name.
_FIRST_OWN_HEADER = "dlt-reason"
_OFFSET = re.compile(r"[0-9]{1,19}", re.ASCII)

EventT = TypeVar("EventT")
_log = structlog.get_logger(__name__)


class DeadLetterError(Exception):
    """The operation isn't possible; the message says why."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of the dead-letter topic, and what was done with it."""

    id: DeadLetterId
    record: ReceivedRecord
    """As it is in the dead-letter topic."""
    handling: Handling | None

    @property
    def state(self) -> str:
        return "OPEN" if self.handling is None else self.handling.state

    @property
    def source(self) -> tuple[str, int, int, int]:
        """Where it came from: topic, partition, offset, and the offset behind it."""
        offset = int(self.header("dlt-offset"))
        end = self.header("dlt-next-offset")
        behind = int(end) if _OFFSET.fullmatch(end) else 0
        return self.header("dlt-topic"), int(self.header("dlt-partition")), offset, max(behind, offset + 1)

    @property
    def has_source(self) -> bool:
        """Anything that may write to the topic can write anything."""
        return all(_OFFSET.fullmatch(self.header(name)) for name in ("dlt-partition", "dlt-offset"))

    @property
    def is_whole(self) -> bool:
        """True when the original is in it, so that the source topic needn't have it any more."""
        return {self.header("dlt-value"), self.header("dlt-key")} <= {"", "null"} and self.record.header(
            "dlt-headers-omitted"
        ) is None

    @property
    def key(self) -> bytes | None:
        """The original's, as far as the letter has it."""
        return None if self.header("dlt-key") == "null" else self.record.key

    def header(self, name: str) -> str:
        """One that the writer added; empty where there is none."""
        own = self.record.headers[self._headers_of_the_record :]
        return self.record._replace(headers=own).header(name) or ""

    def original(self) -> ReceivedRecord:
        """The record as it came from its topic; only where it is whole."""
        topic, partition, offset, _ = self.source
        value = None if self.header("dlt-value") == "null" else self.record.value
        headers = self.record.headers[: self._headers_of_the_record]
        return ReceivedRecord(topic, partition, offset, self.key, value, headers)

    @property
    def _headers_of_the_record(self) -> int:
        names = [name for name, _ in self.record.headers]
        if _FIRST_OWN_HEADER not in names:
            return len(names)
        return len(names) - 1 - names[::-1].index(_FIRST_OWN_HEADER)


class DeadLetterOperations(Generic[EventT]):
    """Dead letters that one consumer group has written.

    A replay hands the original to the group's own handler, in the service's own database: nothing is
    produced, no other consumer sees it, and the inbox makes a second replay harmless.
    """

    def __init__(
        self,
        topic: str,
        group_id: str,
        reader: TopicReader,
        handled: HandledDeadLetters,
        handler: MessageHandler[EventT],
        page_letters: int = 500,
    ) -> None:
        self._topic = topic
        self._group_id = group_id
        self._reader = reader
        self._handled = handled
        self._handler = handler
        self._page_letters = page_letters

    def find(self, *, every: bool = False) -> list[DeadLetter]:
        """Those that are open, or every one that the topic still holds."""
        return [letter for letter in self.each() if every or letter.handling is None]

    def each(self) -> Iterator[DeadLetter]:
        """Every one that the topic still holds, with no more than a page of them in memory."""
        written = self._written()
        while page := list(islice(written, self._page_letters)):
            handled = self._handled.of([letter.id for letter in page])
            yield from (replace(letter, handling=handled.get(letter.id)) for letter in page)

    def _written(self) -> Iterator[DeadLetter]:
        """By this group, as if none had been handled."""
        for record in self._reader.read_all(self._topic):
            if isinstance(record, UnreadableRecords):
                continue
            letter = DeadLetter(
                DeadLetterId(record.partition, record.offset, record.timestamp_ms), record, None
            )
            if letter.header("dlt-consumer-group") == self._group_id and letter.has_source:
                yield letter

    def get(self, ids: Iterable[tuple[int, int]]) -> list[DeadLetter]:
        """Those with these partitions and offsets, in that order.

        Raises :class:`DeadLetterError` when this group wrote none at one of them.
        """
        wanted = dict.fromkeys(ids)
        found = {
            place: letter
            for letter in self.each()
            if (place := (letter.id.partition, letter.id.offset)) in wanted
        }
        missing = [
            f"{partition}:{offset}" for partition, offset in wanted if (partition, offset) not in found
        ]
        if missing:
            raise DeadLetterError(
                f"{self._topic} has no dead letter {', '.join(missing)} of {self._group_id}"
            )
        return [found[one] for one in wanted]

    def replay(self, letter: DeadLetter, *, by: str, reason: str) -> None:
        """Apply the original now. Raises :class:`DeadLetterError` and what the handler raises."""
        _check_open(letter)
        originals = self._originals(letter)
        events = []
        for record in originals:
            try:
                events.append(self._handler.parse(record))
            except InvalidMessage as error:
                raise _still_refused(letter, record, error.reason) from error
        for place, refusal in (self._handler.handle(events) or {}).items():
            raise _still_refused(letter, originals[place], refusal)
        # After the effect: a crash between both leaves it open, and another replay finds it in the inbox.
        self._handled.add(letter.id, "REPLAYED", by=by, reason=reason)
        _log.info("dead_letter_replayed", id=str(letter.id), topic=self._topic, by=by, reason=reason)

    def discard(self, letter: DeadLetter, *, by: str, reason: str) -> None:
        """Give it up. Raises :class:`DeadLetterError` when it was handled before."""
        _check_open(letter)
        self._handled.add(letter.id, "DISCARDED", by=by, reason=reason)
        _log.info("dead_letter_discarded", id=str(letter.id), topic=self._topic, by=by, reason=reason)

    def _originals(self, letter: DeadLetter) -> Sequence[ReceivedRecord]:
        if letter.is_whole:
            return [letter.original()]
        topic, partition, start, end = letter.source
        found = self._reader.read(topic, partition, start, end)
        place = f"{topic} partition {partition} offsets {start} to {end - 1}"
        for record in found:
            if isinstance(record, UnreadableRecords):
                raise DeadLetterError(f"{letter.id} still {record.reason}")
        if not found:
            raise DeadLetterError(f"the original of {letter.id} is no longer in {place}; discard it")
        return [record for record in found if isinstance(record, ReceivedRecord)]


def _still_refused(letter: DeadLetter, record: ReceivedRecord, reason: str) -> DeadLetterError:
    where = f"{record.topic} partition {record.partition} offset {record.offset}"
    return DeadLetterError(f"{letter.id} still can't be processed: {where}: {reason}")


def _check_open(letter: DeadLetter) -> None:
    if letter.handling is not None:
        done = letter.handling
        raise DeadLetterError(
            f"{letter.id} was {done.state.lower()} by {done.by} at {done.at:%Y-%m-%d %H:%M} UTC"
        )
