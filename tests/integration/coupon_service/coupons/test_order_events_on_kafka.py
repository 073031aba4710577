"""The worker and orders' events on a real broker: once, through kills, and beside deciding."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import Engine

from coupon_service.cli import main
from coupon_service.config import WorkerSettings
from coupon_service.subscriptions import SUBSCRIPTIONS, Subscription
from servicekit.identifiers import uuid7
from servicekit.inbox.offsets import OffsetStore
from servicekit.lifecycle import StopSignal
from servicekit.messaging.consumption import Consumption, consume_all
from servicekit.messaging.dead_letters import KafkaDeadLetterWriter
from servicekit.messaging.records import ReceivedRecord
from servicekit.messaging.status import ConsumerStatus
from tests.integration.coupon_service.lives import history, issued, locked, reserve, succeed
from tests.integration.coupon_service.order_events import differences, order_cancelled, order_completed
from tests.integration.coupon_service.service import an_engine, count, waiting_sessions
from tests.support.command_process import CommandProcess
from tests.support.topics import PARTITIONS, produce, read_topic
from tests.support.waiting import wait_until

_, COMPLETED, CANCELLED = SUBSCRIPTIONS


@contextmanager
def a_consumer(
    subscription: Subscription, database_url: str, bootstrap_servers: str, topic: str
) -> Iterator[ConsumerStatus]:
    """One of the worker's, on a topic of the test's own; what it raises is raised at the end."""
    settings = WorkerSettings(database_url=database_url, kafka_bootstrap_servers=bootstrap_servers)
    engine, stop, status = an_engine(database_url), StopSignal(), ConsumerStatus(topic)
    handler = subscription.handler(engine)
    consumption = Consumption(topic, subscription.consumer_group, handler, status, most_poll_records=2)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            consume_all([consumption], settings, engine, stop)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield status
    finally:
        stop.set()
        thread.join()
        engine.dispose()
    if failures:
        raise failures[0]


def applied(engine: Engine, group: str, topic: str) -> int:
    """How many offsets the database knows as applied."""
    offsets = OffsetStore(engine, group).load()
    return sum(offset.next_offset for (name, _), offset in offsets.items() if name == topic)


def end(bootstrap_servers: str, topic: str) -> int:
    """How many records the topic has had, those of other tests too."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers)
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        return sum(consumer.end_offsets(partitions).values())
    finally:
        consumer.close()


def kinds(client: FlaskClient, held: int) -> list[str]:
    return [kind for kind, _, _ in history(client, f"user-coupons/{held}")]


def test_events_that_come_again_after_a_restart_use_nothing_twice(
    client: FlaskClient, engine: Engine, coupon_database_url: str, kafka_bootstrap_servers: str, topic: str
) -> None:
    coupons, orders = [issued(client, engine) for _ in range(3)], [uuid7() for _ in range(3)]
    events = [order_completed(order_id, held) for held, order_id in zip(coupons, orders, strict=True)]
    without = order_completed(uuid7(), None)
    start = partial(a_consumer, COMPLETED, coupon_database_url, kafka_bootstrap_servers, topic)

    for times in (1, 2):
        produce(kafka_bootstrap_servers, topic, [*events, without, *events])
        with start():
            wait_until(
                lambda: applied(engine, COMPLETED.consumer_group, topic) == 7 * times,  # noqa: B023
                "everything to be applied",
            )

    assert [kinds(client, held) for held in coupons] == [["USED"]] * 3
    assert differences(engine) == {}
    # Beside the events of the three issues.
    assert (count(engine, "inbox"), count(engine, "coupon_order")) == (3 + 3, 3)


def test_what_breaks_its_contract_goes_to_the_dead_letters_of_the_topic(
    client: FlaskClient, engine: Engine, coupon_database_url: str, kafka_bootstrap_servers: str, topic: str
) -> None:
    held, order_id = issued(client, engine), uuid7()
    bad = [
        order_completed(uuid7(), held, version=2),
        order_completed(uuid7(), held, coupon={"userCouponId": 0, "discountAmount": 1}),
        # It contradicts the one before.
        order_completed(order_id, held + 1),
    ]
    records = [
        order_completed(order_id, held),
        *bad,
        (b"key", b"not this service's business"),
        (b"key", None),
    ]
    produce(kafka_bootstrap_servers, topic, records)

    with a_consumer(COMPLETED, coupon_database_url, kafka_bootstrap_servers, topic):
        dead = read_topic(kafka_bootstrap_servers, f"{topic}.dlt", lambda letters: len(letters) >= len(bad))
        wait_until(
            lambda: applied(engine, COMPLETED.consumer_group, topic) == len(records), "all to be applied"
        )

    assert {(letter.key, letter.value) for letter in dead} == set(bad)
    assert kinds(client, held) == ["USED"]


def test_the_worker_killed_while_it_applies_an_event_applies_it_once(
    client: FlaskClient, engine: Engine, coupon_database_url: str, shop_topics: str, tmp_path: Path
) -> None:
    held, order_id = issued(client, engine), uuid7()
    succeed(reserve(client, held, order_id))
    environment = {"DATABASE_URL": coupon_database_url, "KAFKA_BOOTSTRAP_SERVERS": shop_topics}
    steps = [
        (COMPLETED.topic, order_completed(order_id, held), ["RESERVED", "USED"]),
        (CANCELLED.topic, order_cancelled(order_id, held), ["RESERVED", "USED", "RELEASED"]),
    ]

    with ExitStack() as scope:
        worker = CommandProcess(["coupon-service", "worker"], environment, tmp_path / "log")
        scope.callback(worker.kill)
        for topic, event, history_after in steps:
            with locked(engine, held):
                produce(shop_topics, topic, [event])
                worker.start()
                wait_until(lambda: waiting_sessions(engine) == 1, "the worker to be about to change it", 60)
                worker.kill()
            worker.start()
            wait_until(lambda: kinds(client, held) == history_after, "the event to be applied", 60)  # noqa: B023
            worker.kill()
            produce(shop_topics, topic, [event])
        worker.start()
        for number, each in enumerate((COMPLETED, CANCELLED)):
            wait_until(
                lambda: (
                    applied(engine, each.consumer_group, each.topic)  # noqa: B023
                    == end(shop_topics, each.topic)  # noqa: B023
                ),
                f"the repetitions to be applied {number}",
                60,
            )
        assert worker.terminate() == 0, worker.log_text()

    assert kinds(client, held) == steps[-1][2]
    assert differences(engine) == {}


def test_dead_letters_of_an_orders_topic_are_replayed(
    client: FlaskClient,
    engine: Engine,
    coupon_database_url: str,
    shop_topics: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As if the reader had been mended since."""
    held, order_id = issued(client, engine), uuid7()
    settings = WorkerSettings(database_url=coupon_database_url, kafka_bootstrap_servers=shop_topics)
    for subscription, (key, value) in (
        (COMPLETED, order_completed(order_id, held)),
        (CANCELLED, order_cancelled(order_id, held)),
    ):
        with closing(KafkaDeadLetterWriter(settings, subscription.consumer_group)) as writer:
            writer.write(ReceivedRecord(subscription.topic, 0, 0, key, value), "an old bug")
    monkeypatch.setenv("DATABASE_URL", coupon_database_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", shop_topics)

    for command, expected in (
        ("order-completed-dead-letters", ["USED"]),
        ("order-cancelled-dead-letters", ["USED", "RELEASED"]),
    ):
        listed = CliRunner().invoke(main, [command, "list", "--json"])
        [letter] = [one for one in json.loads(listed.stdout.splitlines()[-1]) if one["key"] == str(order_id)]
        replay = [command, "replay", letter["id"], "--by", "kim", "--reason", "mended"]
        replayed = CliRunner().invoke(main, replay)
        assert replayed.stdout.splitlines()[-1] == "1 replayed", replayed.output
        assert kinds(client, held) == expected
