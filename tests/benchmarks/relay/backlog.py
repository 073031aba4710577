"""Events that wait, written as many small transactions would have done it."""

from tests.benchmarks.relay.world import World

KEYS = 1_000
VALUE_BYTES = 200
EVENTS_A_TRANSACTION = 1_000
EVENT_TYPE = "Measured"
SOURCE = "/benchmark"

# Numbers of one key ascend, so a reader can tell what is missing, what comes twice and what is out of order.
_INSERT = """
    INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)
    SELECT uuidv7(), '{topic}', 'benchmark', 'key-' || number % {keys}, '{event_type}', '{source}',
           CAST(rpad('{{"number":' || number || ',"text":"', {value_bytes} - 2, 'abcdefghij') || '"}}'
                AS json)
    FROM generate_series({first}, {last}) AS number
    ORDER BY number
"""


def value(number: int) -> bytes:
    """The value of an event, as :func:`write_backlog` writes it."""
    head = f'{{"number":{number},"text":"'
    return (head + ("abcdefghij" * VALUE_BYTES)[: VALUE_BYTES - 2 - len(head)] + '"}').encode()


def key(number: int) -> str:
    return f"key-{number % KEYS}"


def write_backlog(
    world: World, topic: str, events: int, events_a_transaction: int = EVENTS_A_TRANSACTION
) -> None:
    """Events 0 … ``events`` - 1; PostgreSQL has nothing left to write to disk when this returns."""
    statements = (
        _INSERT.format(
            topic=topic, keys=KEYS, event_type=EVENT_TYPE, source=SOURCE, value_bytes=VALUE_BYTES,
            first=first, last=min(first + events_a_transaction, events) - 1,
        )
        for first in range(0, events, events_a_transaction)
    )  # fmt: skip
    world.execute(*statements, "CHECKPOINT")
