"""``coupon-service dead-letters`` on a real broker: what it lists, replays and discards."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from kafka import KafkaProducer
from sqlalchemy import Engine

from coupon_service.config import WorkerSettings
from servicekit.db.operated_engine import operated_engine
from servicekit.dead_letters.handled import DeadLetterId, HandledDeadLetters, Handling
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.dead_letters import KafkaDeadLetterWriter
from servicekit.messaging.dead_letters_cli import dead_letters_group
from servicekit.messaging.opened_dead_letters import opened_dead_letters
from servicekit.messaging.records import ReceivedRecord, UnreadableRecords
from servicekit.messaging.topic_reader import topic_reader
from tests.integration.coupon_service.deciding.test_worker_on_kafka import Record, a_record, issued_to
from tests.integration.coupon_service.service import (
    a_handler,
    accepted,
    create_coupon,
    published_events,
    rows,
)
from tests.support.topics import produce

GROUP = "group"
WHO_AND_WHY = ("--by", "kim", "--reason", "mended")


class Shop:
    """A coupon whose presses have become records, and the command on their topic."""

    def __init__(self, database_url: str, bootstrap_servers: str, topic: str) -> None:
        self.settings = WorkerSettings(database_url=database_url, kafka_bootstrap_servers=bootstrap_servers)
        self.bootstrap_servers = bootstrap_servers
        self.topic = topic
        self.writer = KafkaDeadLetterWriter(self.settings, GROUP)
        self._group = dead_letters_group(topic, self._open)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with (
            operated_engine(self.settings, "test") as engine,
            opened_dead_letters(
                "coupon-service", self.settings, engine, self.topic, GROUP, a_handler(engine)
            ) as operations,
        ):
            yield operations

    def received(self, record: Record, offset: int) -> ReceivedRecord:
        return ReceivedRecord(self.topic, 0, offset, record[0], record[1], (("traceparent", b"t"),))

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(self._group, arguments)

    def open_ids(self) -> list[str]:
        return [letter["id"] for letter in json.loads(self.run("list", "--json").stdout)]


def last_line(result: Result) -> str:
    """What the command prints; logs, which a process of its own writes to stderr, come before it."""
    return result.stdout.splitlines()[-1]


@pytest.fixture
def shop(coupon_database_url: str, kafka_bootstrap_servers: str, topic: str) -> Iterator[Shop]:
    shop = Shop(coupon_database_url, kafka_bootstrap_servers, topic)
    yield shop
    shop.writer.close()


@pytest.fixture
def press(client: FlaskClient, engine: Engine) -> Callable[[int], Record]:
    """Asks for a coupon, and returns the record of it."""
    coupon_id = create_coupon(client)

    def ask(user_id: int) -> Record:
        accepted(client, user_id, coupon_id)
        return a_record(published_events(engine)[-1])

    return ask


def test_states_are_asked_for_a_page_at_a_time(shop: Shop, press: Callable[[int], Record]) -> None:
    record = press(1)
    for offset in range(5):
        shop.writer.write(shop.received(record, offset), "the database was ahead")
    shop.run("discard", shop.open_ids()[3], *WHO_AND_WHY)
    asked: list[int] = []
    with operated_engine(shop.settings, "test") as engine, topic_reader(shop.settings) as reader:

        class Counting(HandledDeadLetters):
            def of(self, letters: Collection[DeadLetterId]) -> Mapping[DeadLetterId, Handling]:
                asked.append(len(letters))
                return super().of(letters)

        dlt = f"{shop.topic}.dlt"
        operations = DeadLetterOperations(
            dlt, GROUP, reader, Counting(engine, dlt), a_handler(engine), page_letters=2
        )
        states = [letter.state for letter in operations.each()]
    assert sorted(states) == ["DISCARDED", "OPEN", "OPEN", "OPEN", "OPEN"]
    assert asked == [2, 2, 1]


def test_replay_applies_the_original_once_and_remembers_who_and_why(
    shop: Shop, press: Callable[[int], Record], engine: Engine
) -> None:
    shop.writer.write(shop.received(press(7), 0), "refused by a former release")
    (letter,) = shop.open_ids()
    replayed = shop.run("replay", letter, *WHO_AND_WHY)
    assert (replayed.exit_code, last_line(replayed)) == (0, "1 replayed")
    assert issued_to(engine, 7)
    assert shop.open_ids() == []
    (handled,) = rows(engine, "SELECT state, handled_by, reason FROM handled_dead_letter")
    assert tuple(handled) == ("REPLAYED", "kim", "mended")
    (listed,) = json.loads(shop.run("list", "--any", "--json").stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", listed["handledAt"])
    again = shop.run("replay", letter, *WHO_AND_WHY)
    assert again.exit_code == 1
    assert f"{letter} was replayed by kim" in again.output


def test_replay_of_an_event_that_was_applied_before_changes_nothing(
    shop: Shop, press: Callable[[int], Record], engine: Engine
) -> None:
    record = shop.received(press(7), 0)
    shop.writer.write(record, "once")
    shop.writer.write(record, "and once more")
    assert last_line(shop.run("replay", "--all", *WHO_AND_WHY)) == "2 replayed"
    assert len(rows(engine, "SELECT * FROM user_coupon")) == 1


def test_replay_says_what_still_is_wrong_and_goes_on_with_the_others(
    shop: Shop, press: Callable[[int], Record], engine: Engine
) -> None:
    shop.writer.write(shop.received((b"k", b"nonsense"), 0), "not JSON")
    shop.writer.write(shop.received(press(8), 1), "refused")
    replayed = shop.run("replay", "--all", *WHO_AND_WHY)
    assert replayed.exit_code == 1
    assert "\n1 replayed\n" in replayed.stdout
    assert "still can't be processed" in replayed.output
    assert issued_to(engine, 8)
    (bad,) = shop.open_ids()
    assert last_line(shop.run("discard", bad, *WHO_AND_WHY)) == "1 discarded"
    assert shop.run("list").stdout == "no dead letters\n"
    assert "DISCARDED" in shop.run("list", "--any").stdout


def test_what_was_not_kept_whole_is_read_again_from_its_topic(
    shop: Shop, press: Callable[[int], Record], engine: Engine
) -> None:
    produce(shop.bootstrap_servers, shop.topic, [press(1), press(2)])
    shop.writer.write(UnreadableRecords(shop.topic, 0, 0, 2, "a codec was missing"), "a codec was missing")
    (letter,) = shop.open_ids()
    assert last_line(shop.run("replay", letter, *WHO_AND_WHY)) == "1 replayed"
    assert issued_to(engine, 1)
    assert issued_to(engine, 2)


def test_original_that_is_gone_can_only_be_discarded(shop: Shop) -> None:
    shop.writer.write(UnreadableRecords(shop.topic, 0, 50, 52, "corrupt"), "corrupt")
    (letter,) = shop.open_ids()
    replayed = shop.run("replay", letter, *WHO_AND_WHY)
    assert replayed.exit_code == 1
    assert "is no longer in" in replayed.output
    assert shop.run("discard", letter, *WHO_AND_WHY).exit_code == 0


def test_show_prints_no_control_character_of_a_record(shop: Shop) -> None:
    shop.writer.write(shop.received((b"k\x1b[2J", b"va\x07lue"), 3), "not JSON")
    (letter,) = shop.open_ids()
    shown = shop.run("show", letter).stdout
    assert shop.topic in shown
    assert "va\\x07lue" in shown
    assert "\x1b" not in shown + shop.run("list").stdout


def test_dead_letters_of_another_group_are_not_ours(shop: Shop) -> None:
    other = KafkaDeadLetterWriter(shop.settings, "other")
    other.write(shop.received((b"k", b"v"), 0), "theirs")
    other.close()
    assert shop.open_ids() == []
    assert shop.run("show", "0:0").exit_code == 1


def test_headers_of_a_record_are_not_taken_for_those_of_its_dead_letter(
    shop: Shop, press: Callable[[int], Record], engine: Engine
) -> None:
    odd = (
        ("dlt-next-offset", b"x"),
        ("dlt-next-offset", b"9" * 5_000),
        ("dlt-value", b"omitted"),
        ("dlt-key", b"null"),
    )
    shop.writer.write(shop.received(press(7), 4)._replace(headers=odd), "refused by a former release")
    (listed,) = json.loads(shop.run("list", "--json").stdout)
    assert (listed["offset"], listed["nextOffset"], listed["whole"]) == (4, 5, True)
    assert "header dlt-next-offset" in shop.run("show", listed["id"]).stdout
    assert last_line(shop.run("replay", "--all", *WHO_AND_WHY)) == "1 replayed"
    assert issued_to(engine, 7)


def test_record_that_only_claims_to_be_a_dead_letter_is_passed_over(shop: Shop) -> None:
    shop.writer.write(shop.received((b"k", b"v"), 0), "ours")
    headers = [("dlt-consumer-group", GROUP.encode()), ("dlt-partition", b"0"), ("dlt-offset", b"x")]
    with closing(KafkaProducer(bootstrap_servers=shop.bootstrap_servers)) as producer:
        producer.send(f"{shop.topic}.dlt", b"v", headers=headers).get(10)
    assert len(shop.open_ids()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "x", *WHO_AND_WHY),
        ("replay", "0:1"),
        ("discard", *WHO_AND_WHY),
        ("discard", "0:1", "--by", " "),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_status_2(shop: Shop, arguments: tuple[str, ...]) -> None:
    answer = shop.run(*arguments)
    assert answer.exit_code == 2
    assert len(answer.stderr.splitlines()) == 1


def test_unmigrated_database_is_reported_with_the_command_to_run(
    database_url: str, kafka_bootstrap_servers: str, topic: str
) -> None:
    answer = partial(Shop(database_url, kafka_bootstrap_servers, topic).run, "list")()
    assert answer.exit_code == 2
    assert "run `coupon-service migrate`" in answer.stderr
