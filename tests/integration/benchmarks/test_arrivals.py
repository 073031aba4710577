"""The relay's benchmark notices when a system loses events or breaks their order."""

from collections.abc import Iterable

import pytest

from tests.benchmarks.relay.arrivals import read_arrivals
from tests.benchmarks.relay.backlog import KEYS, VALUE_BYTES, key, value
from tests.support.topics import produce

EVENTS = 2 * KEYS + 3


def fill(bootstrap_servers: str, topic: str, numbers: Iterable[int]) -> None:
    produce(bootstrap_servers, topic, [(key(number).encode(), value(number)) for number in numbers])


def test_a_complete_topic_is_read(kafka_bootstrap_servers: str, topic: str) -> None:
    fill(kafka_bootstrap_servers, topic, range(EVENTS))

    arrivals = read_arrivals(kafka_bootstrap_servers, topic, EVENTS)

    assert arrivals.repeated == 0
    assert arrivals.first_at <= arrivals.last_at
    assert VALUE_BYTES < arrivals.bytes_an_event < VALUE_BYTES + len(key(KEYS - 1)) + 1


def test_repetitions_in_order_are_counted(kafka_bootstrap_servers: str, topic: str) -> None:
    fill(kafka_bootstrap_servers, topic, [*range(EVENTS), *range(EVENTS - 500, EVENTS)])

    assert read_arrivals(kafka_bootstrap_servers, topic, EVENTS).repeated == 500


@pytest.mark.parametrize("missing", [0, 7, EVENTS - 1])
def test_a_lost_event_is_an_error(kafka_bootstrap_servers: str, topic: str, missing: int) -> None:
    fill(kafka_bootstrap_servers, topic, (number for number in range(EVENTS) if number != missing))

    with pytest.raises(ValueError, match="event"):
        read_arrivals(kafka_bootstrap_servers, topic, EVENTS)


def test_events_of_a_key_in_a_wrong_order_are_an_error(kafka_bootstrap_servers: str, topic: str) -> None:
    numbers = list(range(EVENTS))
    numbers[5], numbers[5 + KEYS] = numbers[5 + KEYS], numbers[5]
    fill(kafka_bootstrap_servers, topic, numbers)

    with pytest.raises(ValueError, match="came before"):
        read_arrivals(kafka_bootstrap_servers, topic, EVENTS)
