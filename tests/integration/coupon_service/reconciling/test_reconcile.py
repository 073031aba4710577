"""``coupon-service reconcile`` on planted faults, on data that move, and without its servers."""

# ruff: noqa: S608 - statements are put together of our own names and ids

import json
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient
from sqlalchemy import Engine, make_url, text

from coupon_service.cli import main
from coupon_service.domain.reconciling import GETS_EVENT_AGAIN, DifferenceKind, Findings, Waiting
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from servicekit.dead_letters.handled import DeadLetterId, HandledDeadLetters
from servicekit.identifiers import uuid7
from servicekit.messaging.dead_letters import KafkaDeadLetterWriter
from servicekit.messaging.records import ReceivedRecord
from servicekit.messaging.topic_reader import topic_reader
from tests.integration.coupon_service.lives import act, confirm, reserve
from tests.integration.coupon_service.order_events import (
    cancel,
    complete,
    order_cancelled,
    order_completed,
)
from tests.integration.coupon_service.reconciling.reconciled import ReconciledShop, a_worker
from tests.integration.coupon_service.service import a_stored_event, create_coupon, rows
from tests.support.command_process import CommandProcess
from tests.support.databases import RELAY_ROLE
from tests.support.relay.process import a_relay_process
from tests.support.topics import produce
from tests.support.waiting import wait_until

Kind = DifferenceKind


@pytest.fixture
def shop(client: FlaskClient, engine: Engine, kafka_bootstrap_servers: str, topic: str) -> ReconciledShop:
    return ReconciledShop(client, engine, kafka_bootstrap_servers, topic)


class Planted:
    """The differences that a test has made."""

    def __init__(self) -> None:
        self.ids: defaultdict[Kind, set[str]] = defaultdict(set)

    def add(self, kind: Kind, *ids: object) -> None:
        self.ids[kind] |= {str(one) for one in ids}


def found_ids(findings: Findings) -> dict[Kind, set[str]]:
    return {kind: set(ids) for kind, ids in findings.ids.items()}


def orders_that_are_no_difference(shop: ReconciledShop) -> None:
    """Used, given back, cancelled before they were paid, and reported to an operator."""
    _, requests = shop.decided_coupon(4)
    for number, row in enumerate(shop.held(requests)):
        held, user_id, order_id = row.user_coupon_id, row.user_id, uuid7()
        if number == 1:
            cancel(shop.engine, order_cancelled(order_id, held, user_id))
        complete(shop.engine, order_completed(order_id, held, user_id))
        if number == 2:
            cancel(shop.engine, order_cancelled(order_id, held, user_id))
        # Of another order, and by another amount.
        complete(shop.engine, order_completed(uuid7(), held, user_id, discount=4_000))


def lives_that_are_no_difference(shop: ReconciledShop) -> None:
    """Several copies, every end of a user coupon, more stock, and what retention leaves of old requests."""
    coupon_id, _ = shop.decided_coupon(5, limitPerUser=2)
    again = shop.press(coupon_id, [1, 2])
    shop.publish(again)
    shop.decide(again)
    held = rows(shop.engine, f"SELECT user_coupon_id, user_id FROM user_coupon WHERE coupon_id = {coupon_id}")
    first, second, third, fourth = (row.user_coupon_id for row in held[:4])
    order_id = uuid7()
    assert reserve(shop.client, first, order_id, user_id=held[0].user_id).status_code == 200
    assert confirm(shop.client, first, order_id).status_code == 200
    who = {"by": "kim", "reason": "asked"}
    assert act(shop.client, second, "revoke", **who).status_code == 200
    assert act(shop.client, third, "give-back", userId=held[2].user_id).status_code == 200
    assert reserve(shop.client, fourth, uuid7(), user_id=held[3].user_id).status_code == 200
    orders_that_are_no_difference(shop)
    sold_out, requests = shop.decided_coupon(5, totalQuantity=3)
    shop.client.post(f"/api/v1/coupons/{sold_out}/stock", json=who | {"quantity": 5})
    shop.run(
        "UPDATE coupon_request SET requested_at = requested_at - interval '40 days',"
        f" decided_at = decided_at - interval '40 days' WHERE coupon_id = {sold_out}"
    )
    shop.run(
        f"UPDATE outbox SET created_at = created_at - interval '40 days' WHERE aggregateid = '{sold_out}'"
    )
    shop.run(f"UPDATE coupon SET created_at = created_at - interval '40 days' WHERE coupon_id = {sold_out}")
    old_id = uuid7()
    shop.run(
        "INSERT INTO coupon_request"
        " (request_id, coupon_id, user_id, status, reason, requested_at, decided_at)"
        f" VALUES ('{old_id}', 12345, 1, 'REJECTED', 'UNKNOWN_COUPON', now(), now())"
    )
    # As if retention had removed requests.
    shop.run(f"UPDATE coupon_request SET decision_number = NULL WHERE request_id = '{requests[3]}'")
    shop.name_another_request(requests[4], uuid7())
    shop.add_key(uuid7(), "now() - interval '40 days'")


def plant_orders(shop: ReconciledShop, planted: Planted) -> None:
    """A use and a return that the coupon has lost, and one that only its history has lost."""
    _, requests = shop.decided_coupon()
    not_used, still_used, unrecorded = (row.user_coupon_id for row in shop.held(requests))
    users = {row.user_coupon_id: row.user_id for row in shop.held(requests)}
    orders = {held: uuid7() for held in users}
    paid = [order_completed(orders[held], held, users[held]) for held in users]
    assert complete(shop.engine, *paid) == {}
    shop.run(
        "UPDATE user_coupon SET status = 'REVOKED', order_id = NULL, order_amount = NULL,"
        f" discount_amount = NULL, reserved_until = NULL WHERE user_coupon_id = {not_used}"
    )
    shop.run(f"UPDATE user_coupon_change SET kind = 'REVOKED' WHERE user_coupon_id = {not_used}")
    shop.run(f"UPDATE coupon_order SET cancelled_at = now() WHERE order_id = '{orders[still_used]}'")
    planted.add(Kind.ORDER_DISAGREES, orders[not_used], orders[still_used])
    cancel(shop.engine, order_cancelled(orders[unrecorded], unrecorded, users[unrecorded]))
    shop.run(f"DELETE FROM user_coupon_change WHERE user_coupon_id = {unrecorded} AND kind = 'RELEASED'")
    planted.add(Kind.HISTORY_DISAGREES, unrecorded)


def plant_in_the_database(shop: ReconciledShop, planted: Planted) -> None:
    one, requests = shop.decided_coupon()
    shop.run(f"DELETE FROM user_coupon WHERE request_id = '{requests[1]}'")
    planted.add(Kind.ISSUED_WITHOUT_USER_COUPON, requests[1])
    planted.add(Kind.ISSUE_NUMBER_MISSING, f"{one} (number 2)")

    _, requests = shop.decided_coupon()
    shop.run(
        "UPDATE coupon_request SET status = 'REJECTED', reason = 'ENDED', issue_number = NULL"
        f" WHERE request_id = '{requests[0]}'"
    )
    planted.add(Kind.USER_COUPON_WITHOUT_ISSUE, requests[0])

    _, requests = shop.decided_coupon()
    shop.run(f"UPDATE user_coupon SET user_id = 999 WHERE request_id = '{requests[0]}'")
    planted.add(Kind.USER_COUPON_DISAGREES, requests[0])

    _, requests = shop.decided_coupon()
    [row] = shop.held(requests[:1])
    order_id = uuid7()
    assert reserve(shop.client, row.user_coupon_id, order_id, user_id=row.user_id).status_code == 200
    assert confirm(shop.client, row.user_coupon_id, order_id).status_code == 200
    shop.run(
        f"DELETE FROM user_coupon_change WHERE user_coupon_id = {row.user_coupon_id} AND kind = 'RESERVED'"
    )
    planted.add(Kind.HISTORY_DISAGREES, row.user_coupon_id)

    for kinds, change, terms in (
        ((Kind.LIMIT_EXCEEDED, Kind.COPY_MISSING), "copy_number = 2", {}),
        ((Kind.COPY_MISSING,), "copy_number = 3", {"limitPerUser": 3}),
        ((Kind.HISTORY_DISAGREES,), "status = 'REVOKED'", {}),
        ((Kind.HISTORY_DISAGREES,), "change_count = 4", {}),
    ):
        _, requests = shop.decided_coupon(**terms)
        shop.run(f"UPDATE user_coupon SET {change} WHERE request_id = '{requests[0]}'")
        [row] = shop.held(requests[:1])
        for kind in kinds:
            planted.add(kind, row.user_coupon_id)

    plant_orders(shop, planted)

    low, _ = shop.decided_coupon()
    shop.run(f"UPDATE coupon SET issued_quantity = 1 WHERE coupon_id = {low}")
    planted.add(Kind.ISSUED_QUANTITY_WRONG, f"{low} (counts 1, highest 3)")
    high, _ = shop.decided_coupon(5, totalQuantity=3)
    shop.run(f"UPDATE coupon SET total_quantity = 9, issued_quantity = 4 WHERE coupon_id = {high}")
    planted.add(Kind.ISSUED_QUANTITY_WRONG, f"{high} (counts 4, highest 3)")
    behind, _ = shop.decided_coupon(5, totalQuantity=3)
    shop.run(f"UPDATE coupon SET decided_count = 4 WHERE coupon_id = {behind}")
    planted.add(Kind.DECIDED_COUNT_WRONG, f"{behind} (counts 4, highest 5)")
    oversold, _ = shop.decided_coupon()
    shop.run(f"UPDATE coupon SET total_quantity = 2, issued_quantity = 2 WHERE coupon_id = {oversold}")
    planted.add(Kind.OVERSOLD, f"{oversold} (issued 3 of 2)")
    planted.add(Kind.ISSUED_QUANTITY_WRONG, f"{oversold} (counts 2, highest 3)")
    gap, requests = shop.decided_coupon(5, totalQuantity=3)
    shop.run(f"UPDATE coupon_request SET decision_number = NULL WHERE request_id = '{requests[3]}'")
    planted.add(Kind.DECISION_NUMBER_MISSING, f"{gap} (number 4)")

    unknown = uuid7()
    shop.add_key(unknown, "now()")
    planted.add(Kind.KEY_WITHOUT_REQUEST, unknown)

    _, requests = shop.decided_coupon()
    shop.run(
        "UPDATE outbox"
        " SET payload = replace(payload\\:\\:text, '\"userId\"\\:1', '\"userId\"\\:77')\\:\\:json"
        f" WHERE payload->>'requestId' = '{requests[0]}'"
    )
    shop.name_another_request(requests[1], unknown)
    positions = rows(
        shop.engine,
        "SELECT position FROM outbox WHERE payload->>'userId' = '77'"
        f" UNION ALL SELECT position FROM outbox WHERE payload->>'requestId' = '{unknown}'",
    )
    planted.add(Kind.OUTBOX_EVENT_DISAGREES, positions[0].position)
    planted.add(Kind.OUTBOX_EVENT_WITHOUT_REQUEST, positions[1].position)


def plant_undecided(shop: ReconciledShop, planted: Planted) -> UUID:
    """Ends with the worker's and the relay's places; returns the request that the relay has to publish."""
    coupon_id = create_coupon(shop.client)
    lost, applied, parked, set_aside, given_up, for_worker, for_relay, young = shop.press(
        coupon_id, range(1, 9)
    )
    shop.long_ago([lost, applied, parked, set_aside, given_up, for_worker, for_relay])
    missing = a_stored_event(shop.engine, 50, coupon_id).request_id
    shop.long_ago([missing])
    planted.add(Kind.EVENT_MISSING, missing)
    planted.add(Kind.EVENT_LOST, lost)
    shop.publish([applied])
    planted.add(Kind.APPLIED_WITHOUT_DECISION, applied)
    shop.park(parked)
    planted.add(Kind.EVENT_PARKED, parked)
    writer = KafkaDeadLetterWriter(shop.settings, CONSUMER_GROUP)
    for request_id in (set_aside, given_up):
        [(key, value)] = shop.records([request_id])
        shop.publish([request_id])
        writer.write(ReceivedRecord(shop.topic, 0, shop.end_offset() - 1, key, value), "refused")
    planted.add(Kind.EVENT_SET_ASIDE, set_aside)
    planted.add(Kind.EVENT_GIVEN_UP, given_up)
    for value in (b"nonsense", b"handled nonsense"):
        produce(shop.servers, shop.topic, [(b"k", value)])
    offset = shop.end_offset()
    planted.add(Kind.FOREIGN_RECORD, f"0:{offset - 2}")
    writer.write(ReceivedRecord(shop.topic, 0, offset - 1, b"k", b"handled nonsense"), "nonsense")
    writer.close()
    discard(shop, {given_up_place(shop, given_up), offset - 1})
    shop.worker_is_at(offset)
    shop.publish([for_worker, young])
    # What is written after this is what the relay has still to publish.
    shop.all_is_published()
    shop.run(f"UPDATE outbox SET xid = pg_current_xact_id() WHERE payload->>'requestId' = '{for_relay}'")
    return for_relay


def given_up_place(shop: ReconciledShop, request_id: UUID) -> int:
    with topic_reader(shop.settings) as reader:
        [place] = [
            record.offset
            for record in reader.read_all(shop.topic)
            if isinstance(record, ReceivedRecord) and str(request_id).encode() in (record.value or b"")
        ]
    return place


def discard(shop: ReconciledShop, source_offsets: set[int]) -> None:
    handled = HandledDeadLetters(shop.engine, f"{shop.topic}.dlt")
    with topic_reader(shop.settings) as reader:
        for record in reader.read_all(f"{shop.topic}.dlt"):
            assert isinstance(record, ReceivedRecord)
            if int(record.header("dlt-offset") or -1) in source_offsets:
                letter = DeadLetterId(record.partition, record.offset, record.timestamp_ms)
                handled.add(letter, "DISCARDED", by="kim", reason="useless")


def test_each_planted_difference_is_found_and_none_is_invented(shop: ReconciledShop) -> None:
    planted = Planted()
    lives_that_are_no_difference(shop)
    shop.all_is_published()
    clean, _ = shop.reconcile()
    assert found_ids(clean) == {}
    assert clean.compared.keys() >= {"requests", "user_coupons", "outbox_events", "topic_records", "coupons"}

    plant_in_the_database(shop, planted)
    plant_undecided(shop, planted)
    findings, repaired = shop.reconcile()

    assert found_ids(findings) == planted.ids
    assert set(Kind) - planted.ids.keys() == {Kind.TOPIC_RECORDS_GONE}
    assert dict(findings.waiting) == {"for_relay": 1, "for_worker": 1}
    assert (repaired.sent_again, repaired.recounted) == (0, 0)
    few, _ = shop.reconcile(max_ids=1)
    assert few.counts == findings.counts
    assert {len(ids) for ids in few.ids.values()} == {1}


def test_repair_mends_what_is_safe_and_a_second_event_is_harmless(shop: ReconciledShop) -> None:
    planted = Planted()
    plant_in_the_database(shop, planted)
    for_relay = plant_undecided(shop, planted)
    owed = {UUID(one) for kind in GETS_EVENT_AGAIN for one in planted.ids[kind]}

    _, repaired = shop.reconcile(repair=True)

    # The oversold coupon is for a human.
    assert (repaired.sent_again, repaired.recounted, repaired.not_recounted) == (len(owed), 3, 1)
    counters = "SELECT coupon_id, issued_quantity, decided_count FROM coupon ORDER BY coupon_id"
    events = shop.events(sorted(owed))
    assert len(events) > len({event.request_id for event in events})
    first = {event.request_id: event for event in reversed(events)}
    shop.handler.handle(list(first.values()))
    once = rows(shop.engine, counters)
    for event in events:
        shop.handler.handle([event])
    assert rows(shop.engine, counters) == once
    held = rows(shop.engine, "SELECT request_id FROM user_coupon")
    assert len(held) == len({row.request_id for row in held})
    assert owed <= {row.request_id for row in held}
    shop.publish([*sorted(owed), for_relay])
    shop.all_is_published()
    left, _ = shop.reconcile()
    assert left.counts.keys() & GETS_EVENT_AGAIN == set()
    assert {one.split()[0] for one in left.ids[Kind.ISSUED_QUANTITY_WRONG]} == {
        one.split()[0] for one in planted.ids[Kind.OVERSOLD]
    }
    assert Kind.DECIDED_COUNT_WRONG not in left.counts


def test_event_that_was_sent_again_waits_and_is_not_sent_once_more(shop: ReconciledShop) -> None:
    coupon_id = create_coupon(shop.client)
    requests = shop.press(coupon_id, [1])
    shop.long_ago(requests)
    shop.all_is_published()
    assert shop.reconcile(repair=True)[1].sent_again == 1
    findings, repaired = shop.reconcile(repair=True)
    assert (dict(findings.waiting), repaired.sent_again) == ({"for_relay": 1}, 0)


@pytest.mark.parametrize("stage", ["requests", "outbox_events", "topic_records"])
def test_what_moves_between_two_comparisons_is_no_difference(shop: ReconciledShop, stage: str) -> None:
    shop.decided_coupon()
    shop.all_is_published()
    decided, published = shop.press(create_coupon(shop.client), [1, 2])
    shop.long_ago([decided, published])

    def relay_and_worker_go_on(compared: str, *_: int) -> None:
        if compared == stage and shop.is_undecided(decided):
            shop.publish([decided, published])
            shop.all_is_published()
            shop.decide([decided])
            shop.worker_is_at(shop.end_offset() - 1)

    findings, _ = shop.reconcile(page_rows=1_000, progress=relay_and_worker_go_on)

    assert not shop.is_undecided(decided)
    assert (found_ids(findings), findings.waiting.total()) == ({}, 1)


def test_nothing_is_invented_while_requests_are_accepted_and_decided(
    shop: ReconciledShop, coupon_database_url: str, tmp_path: Path
) -> None:
    """Every undecided request is judged, however young it is."""
    relay_url = make_url(coupon_database_url).set(username=RELAY_ROLE, password=RELAY_ROLE)
    sources = {"test": relay_url.render_as_string(hide_password=False)}
    coupons = [create_coupon(shop.client, totalQuantity=1_000) for _ in range(3)]
    stop = threading.Event()
    pressed: list[UUID] = []

    def press() -> None:
        user = 0
        while not stop.wait(0.02):
            user += 10
            pressed.extend(shop.press(coupons[user % 3], range(user, user + 10)))

    presser = threading.Thread(target=press)
    with (
        a_worker(shop),
        a_relay_process(tmp_path, shop.servers, sources),
    ):
        presser.start()
        try:
            wait_until(lambda: decided(shop.engine) > 100, "the first decisions")
            runs = [shop.reconcile(age=timedelta(0), page_rows=200)[0] for _ in range(4)]
            with no_decisions(shop.engine):
                wait_until(lambda: len(pressed) > decided(shop.engine), "requests that wait")
                runs.append(shop.reconcile(age=timedelta(0), page_rows=200)[0])
            before = len(pressed)
            wait_until(lambda: len(pressed) > before, "further requests")
        finally:
            stop.set()
            presser.join()
        assert [found_ids(one) for one in runs] == [{}] * len(runs)
        assert runs[-1].waiting[Waiting.FOR_WORKER] > 0
        wait_until(lambda: decided(shop.engine) == len(pressed), "all decisions", timeout_seconds=120)
        after, _ = shop.reconcile(age=timedelta(0))
        assert (found_ids(after), dict(after.waiting)) == ({}, {})


@contextmanager
def no_decisions(engine: Engine) -> Iterator[None]:
    """The worker waits for coupons that are locked in the block."""
    with engine.connect() as connection:
        connection.execute(text("SELECT FROM coupon FOR NO KEY UPDATE"))
        yield


def decided(engine: Engine) -> int:
    [row] = rows(engine, "SELECT count(*) AS number FROM coupon_request WHERE status <> 'ACCEPTED'")
    return int(row.number)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, coupon_database_url: str) -> Callable[..., Result]:
    """Runs the command with these servers."""

    def run(arguments: Sequence[str], servers: str, database_url: str = coupon_database_url) -> Result:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
        return CliRunner().invoke(main, ["reconcile", *arguments])

    return run


def test_command_prints_what_differs_and_ends_with_status_1(
    shop: ReconciledShop, shop_topics: str, command: Callable[..., Result]
) -> None:
    _, requests = shop.decided_coupon()
    shop.run(f"DELETE FROM user_coupon WHERE request_id IN ('{requests[0]}', '{requests[1]}')")

    said = command(["--ids", "1"], shop_topics)
    as_json = command(["--ids", "1", "--json"], shop_topics)

    assert (said.exit_code, as_json.exit_code) == (1, 1)
    assert said.stdout.startswith("compared 3 requests, ")
    expected = [
        "issued_without_user_coupon (2): requests are ISSUED, and the user has no coupon of them",
        f"  {requests[0]}",
        "  and 1 more",
    ]
    assert "\n".join(expected) in said.stdout
    found = json.loads(as_json.stdout)
    assert found["compared"]["requests"] == 3
    assert found["differences"][Kind.ISSUED_WITHOUT_USER_COUPON] == {"count": 2, "ids": [str(requests[0])]}


def test_progress_is_shown_on_a_terminal(
    shop: ReconciledShop, shop_topics: str, coupon_database_url: str
) -> None:
    shop.decided_coupon()
    shop.run("ANALYZE coupon_request")
    terminal, its_end = os.openpty()
    environment = {"DATABASE_URL": coupon_database_url, "KAFKA_BOOTSTRAP_SERVERS": shop_topics}
    try:
        with CommandProcess(
            ["coupon-service", "reconcile"], environment, Path(os.ttyname(its_end))
        ) as process:
            process.exit_status(30)
        shown = os.read(terminal, 65_536).decode()
    finally:
        os.close(terminal)
        os.close(its_end)
    progress, _, answer = shown.rpartition("\x1b[2K")
    assert "requests: 3 of about 3" in progress
    assert "user coupons: 3" in progress
    assert answer.startswith("compared 3 requests, ")


def test_bad_usage_and_missing_servers_are_one_line_and_status_2(
    command: Callable[..., Result], kafka_bootstrap_servers: str
) -> None:
    nowhere = "127.0.0.1:1"
    for said in (
        command(["--ids", "many"], kafka_bootstrap_servers),
        command(["--wrong"], kafka_bootstrap_servers),
        command(["what"], kafka_bootstrap_servers),
        command([], nowhere),
        command([], kafka_bootstrap_servers, f"postgresql://u:p@{nowhere}/x"),
    ):
        lines = [line for line in said.stderr.splitlines() if line.startswith("Error: ")]
        assert (said.exit_code, len(lines)) == (2, 1), said.stderr
