"""What becomes a dead letter and what doesn't. The relay steps when the test says so."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from devstack.kafka_broker import KafkaBroker
from outbox_relay.kafka.batch_producer import BatchProducer
from outbox_relay.protocol.errors import TopicMissing
from outbox_relay.protocol.model import Event
from outbox_relay.protocol.relay import Failed, Idle
from tests.support.relay.access_lists import (
    Forbid,
    a_broker_with_access_lists,
    deny_writing,
    hide,
    permit,
)
from tests.support.relay.arrivals import read_all
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess, a_relay_process
from tests.support.relay.stepping_relay import SteppingRelay, a_stepping_relay
from tests.support.relay.topic_options import set_topic_option
from tests.support.servers import a_kafka_broker
from tests.support.topics import create_topics
from tests.support.waiting import wait_until

EVENTS, KEYS, POISON = 60, 6, 26
BEHIND = dict.fromkeys(range(POISON + KEYS, EVENTS, KEYS), ("PARKED", "behind"))


def append_around_a_poison(outbox: Outbox, poison_bytes: int) -> None:
    """Events numbered from 0, of six keys in turn; the one numbered 26 is large."""
    with outbox.transaction() as transaction:
        for number in range(EVENTS):
            filling = "x" * (poison_bytes if number == POISON else 10)
            transaction.append(f"key-{number % KEYS}", number, {"number": number, "filling": filling})


def all_but_the_parked() -> dict[str, list[int]]:
    return {
        f"key-{key}": [
            number for number in range(key, EVENTS, KEYS) if number != POISON and number not in BEHIND
        ]
        for key in range(KEYS)
    }


@pytest.mark.parametrize("page_events", [500, 7])
def test_record_too_large_for_the_broker_parks_its_key_and_no_other(
    outbox: Outbox, kafka_bootstrap_servers: str, page_events: int
) -> None:
    set_topic_option(kafka_bootstrap_servers, outbox.topic, "max.message.bytes", "20000")
    append_around_a_poison(outbox, 30_000)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, page_events) as relay:
        kinds = relay.drain_parking()

        assert kinds.count("too_large") == 1
        assert set(kinds) <= {"too_large", "batch_refused"}
        assert outbox.dead_letters() == {POISON: ("PARKED", "too_large"), **BEHIND}
        outbox.append("key-2", EVENTS)
        outbox.append("key-3", EVENTS)
        relay.drain()

    expected = all_but_the_parked()
    expected["key-3"].append(EVENTS)
    found = read_all(kafka_bootstrap_servers, outbox.topic, sum(map(len, expected.values())))
    assert found == expected
    assert outbox.dead_letters()[EVENTS] == ("PARKED", "behind")


def test_event_larger_than_the_relays_limit_is_parked_without_sending(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    append_around_a_poison(outbox, 30_000)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, event_max_bytes=20_000) as relay:
        assert relay.drain_parking() == ["too_large"]

    assert outbox.dead_letters() == {POISON: ("PARKED", "too_large"), **BEHIND}
    ((reason,),) = outbox.run("SELECT reason FROM outbox_dead_letter WHERE kind = 'too_large'")
    assert "EVENT_MAX_BYTES (20000)" in reason
    expected = all_but_the_parked()
    assert read_all(kafka_bootstrap_servers, outbox.topic, sum(map(len, expected.values()))) == expected


def test_missing_topic_without_a_grace_parks_at_once_and_others_go_on(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    for number in range(4):
        outbox.append(f"key-{number % 2}", number)
    send_elsewhere(outbox, f"{outbox.topic}-missing", 1, 3)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, missing_topic_grace_seconds=0) as relay:
        assert relay.drain_parking() == ["unknown_topic"]

    assert outbox.dead_letters() == dict.fromkeys((1, 3), ("PARKED", "unknown_topic"))
    assert read_all(kafka_bootstrap_servers, outbox.topic, 2) == {"key-0": [0, 2]}


def test_missing_topic_parks_only_after_its_grace(outbox: Outbox, kafka_bootstrap_servers: str) -> None:
    missing = f"{outbox.topic}-missing"
    outbox.append("a", 0)
    send_elsewhere(outbox, missing, 0)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, missing_topic_grace_seconds=2) as relay:
        seen: list[str] = []
        wait_until(lambda: step_into(relay, seen) == "unknown_topic", "the event to be parked", 60)

    assert seen.count("topic_missing") >= 1
    assert seen.index("topic_missing") == 0
    assert outbox.dead_letters() == {0: ("PARKED", "unknown_topic")}


def test_topic_created_within_its_grace_loses_and_parks_nothing(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    missing = f"{outbox.topic}-missing"
    outbox.append("a", 0)
    send_elsewhere(outbox, missing, 0)

    with a_stepping_relay(
        outbox.relay_url, kafka_bootstrap_servers, missing_topic_grace_seconds=3_600
    ) as relay:
        for _ in range(3):
            relay.leadership.beat()
            result = relay.step()
            assert isinstance(result, Failed)
            assert isinstance(result.error, TopicMissing)
        assert outbox.dead_letters() == {}

        create_topics(kafka_bootstrap_servers, [missing])
        wait_until(lambda: step_into(relay, []) == "idle", "the event to be published")

    assert outbox.dead_letters() == {}
    assert read_all(kafka_bootstrap_servers, missing, 1) == {"a": [0]}


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [("topic", "not a topic!", "invalid_topic"), ("aggregateid", "", "invalid_key")],
)
def test_event_with_a_name_that_kafka_does_not_take_is_parked(
    outbox: Outbox, relay: SteppingRelay, kafka_bootstrap_servers: str, column: str, value: str, kind: str
) -> None:
    for number in range(4):
        outbox.append("a", number)
    outbox.run(
        "UPDATE outbox SET topic = CASE WHEN :column = 'topic' THEN :value ELSE topic END,"
        " aggregateid = CASE WHEN :column = 'aggregateid' THEN :value ELSE aggregateid END"
        " WHERE payload ->> 'number' = '1'",
        column=column, value=value,
    )  # fmt: skip

    assert relay.drain_parking() == [kind]

    assert outbox.dead_letters() == {1: ("PARKED", kind)}
    assert read_all(kafka_bootstrap_servers, outbox.topic, 3) == {"a": [0, 2, 3]}


def test_refusal_is_not_hidden_by_a_new_topic_in_the_next_page(
    outbox: Outbox, kafka_bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"{outbox.topic}-other"
    create_topics(kafka_bootstrap_servers, [other])
    set_topic_option(kafka_bootstrap_servers, outbox.topic, "max.message.bytes", "20000")
    with outbox.transaction() as transaction:
        transaction.append("a", 0, {"number": 0, "filling": "x" * 30_000})
        transaction.append("b", 1)
    send_elsewhere(outbox, other, 1)

    with a_stepping_relay(outbox.relay_url, kafka_bootstrap_servers, page_events=1) as relay:
        check_topics = relay.publisher._check_topics  # noqa: SLF001 - between two pages, and after the look at them

        def refused_first(producer: BatchProducer, events: Sequence[Event]) -> None:
            if events[0].topic == other and not outbox.dead_letters():
                wait_until(lambda: not producer._sender.is_alive(), "the first page to be refused")  # noqa: SLF001
            check_topics(producer, events)

        monkeypatch.setattr(relay.publisher, "_check_topics", refused_first)
        assert relay.drain_parking() == ["too_large"]

    assert outbox.dead_letters() == {0: ("PARKED", "too_large")}
    assert read_all(kafka_bootstrap_servers, other, 1) == {"b": [1]}


@pytest.fixture(scope="module")
def broker_with_access_lists(server_directory: Path) -> Iterator[KafkaBroker]:
    """Everybody may do everything unless a topic has a list of its own."""
    with a_broker_with_access_lists(server_directory / "access-lists") as broker:
        yield broker


@pytest.mark.parametrize("forbid", [deny_writing, hide])
def test_forbidden_topic_parks_and_is_replayed_once_it_is_permitted(
    broker_with_access_lists: KafkaBroker, database_url: str, unique: str, forbid: Forbid
) -> None:
    servers = broker_with_access_lists.bootstrap_servers
    allowed, forbidden = f"allowed-{unique}", f"forbidden-{unique}"
    create_topics(servers, [allowed, forbidden])
    forbid(servers, forbidden)
    with (
        an_outbox(database_url, allowed) as outbox,
        a_stepping_relay(outbox.relay_url, servers, missing_topic_grace_seconds=0) as relay,
    ):
        for number in range(6):
            outbox.append(f"key-{number % 2}", number)
        send_elsewhere(outbox, forbidden, 2, 3)

        # What is written to different partitions is refused apart.
        assert set(relay.drain_parking()) == {"unauthorized"}

        assert outbox.dead_letters() == dict.fromkeys((2, 3), ("PARKED", "unauthorized"))
        assert read_all(servers, allowed, 4) == {"key-0": [0, 4], "key-1": [1, 5]}

        permit(servers, forbidden)
        outbox.run("UPDATE outbox_dead_letter SET state = 'REPLAYING'")
        assert relay.replay() == 2
        assert read_all(servers, forbidden, 2) == {"key-0": [2], "key-1": [3]}


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker that the test may stop and freeze."""
    with a_kafka_broker(tmp_path / "kafka") as broker:
        yield broker


def test_broker_that_freezes_and_dies_is_waited_for_and_nothing_is_parked(
    own_broker: KafkaBroker, database_url: str, tmp_path: Path
) -> None:
    servers = own_broker.bootstrap_servers
    create_topics(servers, ["topic"])
    # A broker with ZooKeeper that starts knows no topic until its controller has sent them.
    strict = {"publish_timeout_seconds": 2, "missing_topic_grace_seconds": 5}
    with (
        an_outbox(database_url, "topic") as outbox,
        a_relay_process(tmp_path, servers, {"test": outbox.relay_url}, **strict) as relay,
    ):
        outbox.append("a", 0)
        assert read_all(servers, "topic", 1) == {"a": [0]}

        own_broker.pause()
        outbox.append("a", 1)
        wait_until(lambda: failures(relay) >= 2, "the relay to have failed twice", 60)
        own_broker.resume()
        assert read_all(servers, "topic", 2) == {"a": [0, 1]}

        own_broker.kill()
        outbox.append("a", 2)
        before = failures(relay)
        # Each of them waits for seconds, so all of them for longer than a topic may be missing.
        wait_until(lambda: failures(relay) >= before + 4, "the relay to have failed four times more", 60)
        own_broker.start()
        assert read_all(servers, "topic", 3) == {"a": [0, 1, 2]}
        assert outbox.dead_letters() == {}


def test_20000_events_of_a_missing_topic_park_and_replay_in_small_steps(
    outbox: Outbox, kafka_bootstrap_servers: str
) -> None:
    missing, keys, events = f"{outbox.topic}-missing", 200, 20_000
    outbox.append("before", 0)
    outbox.run(
        "INSERT INTO outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
        " SELECT gen_random_uuid(), :topic, 'test', 'key-' || number % :keys, 'Tested', '/test',"
        "        json_build_object('number', number)"
        " FROM generate_series(1, :events) AS number",
        topic=missing, keys=keys, events=events,
    )  # fmt: skip
    outbox.append("after", 0)

    with a_stepping_relay(
        outbox.relay_url, kafka_bootstrap_servers, page_events=2_000, missing_topic_grace_seconds=0
    ) as relay:
        # A refusal parks at most a page; the first one parks an event of every key.
        assert relay.drain_parking() == ["unknown_topic"]
        assert count_by_state(outbox) == {"PARKED": events}
        assert read_all(kafka_bootstrap_servers, outbox.topic, 2) == {"before": [0], "after": [0]}

        create_topics(kafka_bootstrap_servers, [missing])
        outbox.run("UPDATE outbox_dead_letter SET state = 'REPLAYING'")
        wait_until(lambda: relay.replay() or not count_by_state(outbox).get("REPLAYING"), "the replay", 60)
        assert count_by_state(outbox) == {"REPLAYED": events}

    found = read_all(kafka_bootstrap_servers, missing, events)
    assert found == {f"key-{key}": [*range(key or keys, events + 1, keys)] for key in range(keys)}


def step_into(relay: SteppingRelay, seen: list[str]) -> str:
    """Beat, step, and say what kind of failure it was, or idle; also kept in ``seen``."""
    relay.leadership.beat()
    result = relay.step()
    if isinstance(result, Failed):
        seen.append(result.error.kind)
    else:
        seen.append("idle" if isinstance(result, Idle) else "published")
    return seen[-1]


def send_elsewhere(outbox: Outbox, topic: str, *numbers: int) -> None:
    """Let some events that wait belong to another topic."""
    outbox.run(
        "UPDATE outbox SET topic = :topic WHERE CAST(payload ->> 'number' AS integer) = ANY (:numbers)",
        topic=topic, numbers=list(numbers),
    )  # fmt: skip


def count_by_state(outbox: Outbox) -> dict[str, int]:
    return dict(outbox.run("SELECT state, count(*) FROM outbox_dead_letter GROUP BY state"))


def failures(relay: RelayProcess) -> float:
    """How many turns have failed, of whatever kind."""
    lines = httpx.get(f"{relay.url}/metrics", timeout=5).text.splitlines()
    counts = [
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("outbox_relay_failures_total{")
    ]
    return sum(counts)
