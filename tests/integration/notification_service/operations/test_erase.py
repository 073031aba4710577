"""``notification-service erase``: afterwards no row tells of the person, and nothing else has changed."""

import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.count_sales import CountSales
from notification_service.application.erase_person import ErasePerson, ErasePersonCommand
from notification_service.application.rebuild_analytics import RebuildAnalytics
from notification_service.application.record_results import RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.cli import main
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.delivery import DeliveryStatus, Effect
from notification_service.domain.erasure import Erasure, Person
from notification_service.domain.figures import DailyCustomers, FigureKind
from notification_service.domain.order_event import OrderEvent, Recipient
from notification_service.domain.phone_number import PhoneNumber
from notification_service.persistence.personal_data import NOTES
from servicekit.db.errors import may_pass
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.counted import cancel, count, count_due, figures, on, sums
from tests.integration.notification_service.effect_work import (
    delivering,
    delivery_of,
    run_until_final,
    transactions,
)
from tests.support.notification_builders import WRITE_ALIMTALK, a_cancellation_of, an_order_of
from tests.support.provider_double import ProviderDouble
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until

# NHN's code after which a message is sent again.
_SENT_AGAIN = "9998"
WHY = ("--by", "lee", "--reason", "asked by mail")
STATES = {
    "DELIVERED": "due_at = NULL, completed_at = now()",
    "FAILED": "due_at = NULL, completed_at = now(), last_error = '400: no such number ' || :phone",
    "EXPIRED": "due_at = NULL, completed_at = now()",
    "ACCEPTED": "due_at = NULL, accepted_at = now(), provider = 'double', reference = 'm-1',"
    " result_due_at = now()",
    "UNKNOWN": "due_at = now() + interval '1 minute', possibly_sent_at = now()",
    "SENDING": "due_at = now() - interval '1 minute', claim_id = gen_random_uuid()",
    "PENDING": "due_at = now() + interval '1 hour'",
}
HARMLESS = {
    "alert": {"alert_key", "rule", "seen", "unnoticed", "summary", "details"},
    "alert_judged_hour": {"rule"},
    "alert_match": {"match_id", "rule", "currency", "total_amount"},
    "alert_notice": {
        "number", "alert_key", "rule", "severity", "kind", "seen", "summary", "details", "last_error",
    },
    "alembic_version": {"version_num"},
    "cancelled_by_product": {"currency", "product_id", "cancellations"},
    "cancelled_daily": {"currency", "cancellations"},
    "cancelled_hourly": {"currency", "cancellations"},
    "alimtalk_provider": {
        "name", "place", "status", "reason", "stopped_by", "resumed_by", "look_ups_refused",
        "results_refused",
    },
    "analytics_order": {"currency", "total_amount", "item_count"},
    "analytics_zone": {"time_zone"},
    "completed_order": {"event", "currency", "total_amount", "item_count", "items"},
    "consumer_offset": {"consumer_group", "topic", "next_offset", "cluster_id", "topic_id"},
    "customers_daily": {"customers", "new_customers"},
    "delivery": {
        "effect", "status", "reference", "retried_by", "provider", "result_code", "failed_message_id",
        "given_up_by", "template",
    },
    "delivery_attempt": {"provider", "purpose", "outcome", "reason", "message_id"},
    "effect_delay": {"effect", "up_to_ms", "deliveries"},
    "effect_delay_entry": {"entry_id", "effect", "up_to_ms", "deliveries"},
    "erasure": {"erased_by", "orders", "given_up", "customers", "notes"},
    "handled_dead_letter": {"topic", "record_offset", "record_time_ms", "state", "handled_by"},
    "idempotency_key": {"scope", "key", "fingerprint", "reply"},
    "inbox": {"consumer_group"},
    "sales_by_basket_size": {"currency", "orders"},
    "sales_by_product": {"currency", "product_id", "orders"},
    "sales_daily": {"currency", "orders"},
    "sales_hourly": {"currency", "orders"},
}  # fmt: skip
"""Columns whose values say nothing of a buyer; operators' names are not buyers'."""
ERASED = {
    "analytics_order": {"user_id"},
    "completed_order": {"user_id", "recipient_name", "recipient_phone", "message_values"},
    "customer": {"user_id"},
    "delivery": {"last_error"},
}


@dataclass(frozen=True)
class Buyer:
    """Someone who orders for themselves."""

    name: str
    digits: str
    user_id: int

    @property
    def spellings(self) -> list[str]:
        area, middle, last = self.digits[:3], self.digits[3:7], self.digits[7:]
        full_width = self.digits.translate({ord(str(n)): 0xFF10 + n for n in range(10)})
        return [
            f"{area}-{middle}-{last}",
            f"{area}.{middle}.{last}",
            self.digits,
            f"+82 {area[1:]}-{middle}-{last}",
            f"82{self.digits[1:]}",
            f"{area}-{middle}-{last} (2층)",
            full_width,
        ]

    def is_revealed_by(self, row: str) -> bool:
        middle, last = self.digits[3:7], self.digits[7:]
        tails = [f"{middle}{between}{last}" for between in ("-", ".", "", " ")]
        tails.append(self.spellings[-1][3:])
        has_user_id = re.search(rf"(?<!\d){self.user_id}(?!\d)", row) is not None
        return has_user_id or self.name in row or any(tail in row for tail in tails)


def erase(
    engine: Engine,
    phone: str | None = None,
    user_id: int | None = None,
    *,
    is_confirmed: bool = True,
    is_patient: Callable[[], bool] = lambda: False,
) -> Erasure:
    person = Person(None if phone is None else PhoneNumber.of(phone), user_id)
    command = ErasePersonCommand(person, "lee", "asked by mail", is_confirmed)
    return ErasePerson(transactions(engine), is_patient)(command)


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["erase", *arguments], env={"DATABASE_URL": url})


def tables(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    with engine.connect() as connection:
        return {
            name: sorted(connection.execute(text(f"SELECT each::text FROM {name} AS each")).scalars())  # noqa: S608
            for name in connection.execute(text(names)).scalars()
        }


def move(engine: Engine, order: OrderEvent, status: str) -> None:
    """Give the order's alimtalk this status; a former release stored a reply that quotes the number."""
    statement = f"""
        UPDATE delivery SET status = :status, attempts = 1, {STATES[status]}
         WHERE effect = 'ALIMTALK' AND event_id = :event_id
    """  # noqa: S608 - our own text
    parameters = {"status": status, "event_id": order.event_id, "phone": order.recipient.phone}
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)


def write_notes(engine: Engine, note: str, order: OrderEvent, *, elsewhere: str) -> None:
    """What operators write about an order, and where nothing says whom it is about."""
    with engine.begin() as connection:
        for statement in (
            "UPDATE delivery SET retry_reason = :note WHERE event_id = :event_id",
            "UPDATE delivery SET give_up_reason = :note WHERE event_id = :event_id AND attempts = 0",
        ):
            connection.execute(text(statement), {"note": note, "event_id": order.event_id})
        for statement in (
            "INSERT INTO handled_dead_letter VALUES ('dlt', 0, random() * 1e6, 1, 'DISCARDED', 'kim', :note)",
            "INSERT INTO alimtalk_provider (name, resumed_by, resume_reason) VALUES (random(), 'kim', :note)",
        ):
            connection.execute(text(statement), {"note": elsewhere})


def some_buyers(chance: random.Random) -> list[Buyer]:
    names = chance.sample(["김하늘", "이바다", "박산", 'O\'Neil "Jo"', "최별", "Élodie Nuñez"], 4)
    return [
        Buyer(name, f"010{chance.randrange(10**7, 10**8)}", chance.randrange(10**6, 10**9)) for name in names
    ]


def orders_of(chance: random.Random, buyers: Sequence[Buyer]) -> list[OrderEvent]:
    orders = []
    for number in range(28):
        buyer = buyers[number % len(buyers)]
        # Each spelling of each buyer.
        spelling = buyer.spellings[number // len(buyers)]
        order = an_order_of(
            (f"P-{chance.randrange(4)}", chance.randrange(1, 5), chance.randrange(100, 9_000)),
            user_id=buyer.user_id,
            recipient=Recipient(buyer.name, spelling),
        )
        orders.append(order if number < 4 else an_order_like(order, chance))
    return orders


def an_order_like(order: OrderEvent, chance: random.Random) -> OrderEvent:
    return an_order_of(
        *((item.product_id, item.quantity, item.unit_price) for item in order.items),
        user_id=order.user_id,
        recipient=order.recipient,
        **on(order, hours=chance.randrange(72)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_no_row_tells_of_an_erased_person_and_others_stay(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same world again for a seed
    buyers = some_buyers(chance)
    orders = orders_of(chance, buyers)
    count(engine, orders[:20])
    cancel(engine, [a_cancellation_of(order, recipient=order.recipient) for order in orders[:4]])
    count_due(engine)
    # Of these the analytics are still to be counted.
    AcceptOrderEvents(transactions(engine))(orders[20:])
    for order in orders:
        move(engine, order, chance.choice([*STATES]))
    for buyer, order in zip(buyers, orders, strict=False):
        called = chance.choice(buyer.spellings)
        write_notes(engine, f"{buyer.name} ({buyer.user_id}), {called}", order, elsewhere=f"{called} called")
    erased, *others = buyers
    before, sums_before = tables(engine), without_customers(engine)
    assert any(erased.is_revealed_by(row) for rows in before.values() for row in rows)

    counted = erase(engine, chance.choice(erased.spellings[:5]), erased.user_id, is_confirmed=False)
    assert tables(engine) == before
    done = erase(engine, chance.choice(erased.spellings[:5]), erased.user_id)

    after = tables(engine)
    assert (done.is_done, done.orders, done.customers) == (True, 7 + 1, 1)
    assert (counted.orders, counted.given_up, counted.notes) == (done.orders, done.given_up, done.notes)
    assert [row for rows in after.values() for row in rows if erased.is_revealed_by(row)] == []
    for table in after:
        assert [row for row in after[table] if any(one.is_revealed_by(row) for one in others)] == [
            row for row in before[table] if any(one.is_revealed_by(row) for one in others)
        ], table
    assert without_customers(engine) == {
        name: rows for name, rows in sums_before.items() if name != "customer"
    }
    assert len(after["erasure"]) == 1
    check_that_a_rebuild_agrees(engine)
    # Nor do the events bring it back, which the topic still has.
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE inbox"))
    assert AcceptOrderEvents(transactions(engine))(orders) == 0
    assert erase(engine, erased.spellings[0], erased.user_id).is_empty
    assert tables(engine)["erasure"] == after["erasure"]


def without_customers(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return {name: rows for name, rows in sums(engine).items() if name != "customer"}


def check_that_a_rebuild_agrees(engine: Engine) -> None:
    count_due(engine)
    incremental = without_customers(engine)
    list(RebuildAnalytics(transactions(engine))())
    assert without_customers(engine) == incremental


def test_every_column_is_known_to_tell_of_people_or_not(engine: Engine) -> None:
    columns = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type NOT IN ('uuid', 'boolean', 'integer', 'numeric', 'date', 'timestamp with time zone')"
    )
    with engine.connect() as connection:
        found = {tuple(row) for row in connection.execute(text(columns))}

    known = {(table, column) for each in (HARMLESS, ERASED) for table in each for column in each[table]}
    assert found == known | {tuple(place.split(".")) for place in NOTES}


def test_a_phone_alone_leaves_the_user_who_ordered(engine: Engine) -> None:
    spellings = Buyer("이바다", "01012345678", 1).spellings
    gifts = [an_order_of(user_id=70_001, recipient=Recipient("이바다", phone)) for phone in spellings]
    other = an_order_of(user_id=70_001, recipient=Recipient("김하늘", "02-1234-5678"))
    count(engine, [*gifts, other])

    done = erase(engine, "010.1234.5678")

    assert (done.orders, set(done.users), done.given_up) == (7, {70_001}, 7)
    rows = [row for rows in tables(engine).values() for row in rows]
    assert not any("이바다" in row for row in rows)
    assert any("김하늘" in row for row in rows)
    assert delivery_of(engine, gifts[0], Effect.ALIMTALK).status is DeliveryStatus.GIVEN_UP
    assert delivery_of(engine, other, Effect.ALIMTALK).status is DeliveryStatus.PENDING


def test_an_erased_customer_who_orders_again_is_new(engine: Engine) -> None:
    first = an_order_of(user_id=70_001)
    again = an_order_of(user_id=70_001, **on(first, days=1))
    count(engine, [first, again])

    erase(engine, user_id=70_001)
    later = an_order_of(user_id=70_001, **on(first, days=2))
    count(engine, [later])

    days = [one for one in figures(engine, FigureKind.CUSTOMERS) if isinstance(one, DailyCustomers)]
    assert [(day.new, day.returning) for day in days] == [(1, 0), (0, 1), (1, 0)]
    check_that_a_rebuild_agrees(engine)


class _Blocked:
    """A provider that sends once the test lets it."""

    def __init__(self) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        assert self.may_end.wait(30)


@pytest.fixture
def sending(engine: Engine, sandbox: Sandbox) -> Iterator[tuple[OrderEvent, _Blocked]]:
    """An order whose alimtalk is being sent."""
    order = an_order_of(user_id=70_001)
    AcceptOrderEvents(transactions(engine))([order])
    blocked = _Blocked()
    courier = SendAlimtalk(ProviderDouble(before_send=blocked, accepts_finally=True), 0.0, WRITE_ALIMTALK)
    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier, provider="double") as work:
        thread = threading.Thread(target=run_until_final, args=(work, engine, [order], Effect.ALIMTALK))
        thread.start()
        assert blocked.began.wait(30)
        yield order, blocked
        blocked.may_end.set()
        thread.join(30)


def test_what_is_being_sent_is_waited_for(engine: Engine, sending: tuple[OrderEvent, _Blocked]) -> None:
    order, blocked = sending
    write_notes(engine, f"{order.recipient.name} asked", order, elsewhere="")
    before = tables(engine)

    refused = erase(engine, order.recipient.phone, 70_001)
    assert (refused.is_done, refused.being_sent) == (False, 1)
    assert tables(engine) == before

    def is_patient() -> bool:
        blocked.may_end.set()
        wait_until(
            lambda: delivery_of(engine, order, Effect.ALIMTALK).status is DeliveryStatus.DELIVERED, "the end"
        )
        return True

    assert erase(engine, order.recipient.phone, 70_001, is_patient=is_patient).is_done
    assert delivery_of(engine, order, Effect.ALIMTALK).status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    "held",
    [
        "SELECT FROM customer FOR UPDATE",
        "SELECT FROM delivery WHERE effect = 'MONITORING' FOR UPDATE",
        "SELECT FROM alimtalk_provider WHERE resume_reason LIKE '%5678%' FOR UPDATE",
        "SELECT pg_advisory_xact_lock_shared(analytics_lock())",
    ],
)
def test_what_another_transaction_holds_is_waited_for(engine: Engine, held: str) -> None:
    order = an_order_of(user_id=70_001, recipient=Recipient("이바다", "010-1234-5678"))
    count(engine, [order])
    write_notes(engine, "이바다 asked", order, elsewhere="010-1234-5678 called")
    before = tables(engine)
    with engine.begin() as other:
        other.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1min'"))
        other.execute(text(held))
        refused = erase(engine, order.recipient.phone, 70_001)
        assert (refused.is_done, refused.being_sent) == (False, 1)
        assert tables(engine) == before

    assert erase(engine, order.recipient.phone, 70_001).is_done


def test_operators_notes_about_others_stay(engine: Engine) -> None:
    erased = an_order_of(user_id=2026, recipient=Recipient("고객", "010-7777-6666"))
    other = an_order_of(user_id=9, recipient=Recipient("박산", "010-7777-1111"))
    AcceptOrderEvents(transactions(engine))([erased, other])
    # The end of another number is no trace of this one.
    note = "고객센터 02-7777-6666 outage since 2026-11-30"
    write_notes(engine, note, other, elsewhere=note)

    erase(engine, "010-7777-6666", 2026)

    assert sum(note in row for rows in tables(engine).values() for row in rows) == 5


@pytest.mark.parametrize("spelling", ["010-7777-66 66", "+82 (0)10 7777 6666", "０１０-７７７７-６６ ６６"])
def test_what_was_written_about_others_loses_odd_spellings(engine: Engine, spelling: str) -> None:
    erased = an_order_of(user_id=2026, recipient=Recipient("고객", "010-7777-6666"))
    other = an_order_of(user_id=9, recipient=Recipient("박산", "010-7777-1111"))
    AcceptOrderEvents(transactions(engine))([erased, other])
    write_notes(engine, f"asked by {spelling}", other, elsewhere=f"asked by {spelling}")
    raw = "UPDATE delivery SET last_error = :raw WHERE event_id = :event_id AND effect = 'ALIMTALK'"
    with engine.begin() as connection:
        parameters = {"raw": f"400: twice to {spelling}", "event_id": other.event_id}
        connection.execute(text(raw), parameters)

    done = erase(engine, "010-7777-6666")

    rows = [row for rows in tables(engine).values() for row in rows]
    assert done.notes == 9
    assert not any(spelling in row for row in rows)
    assert sum("asked by [removed]" in row for row in rows) == 5
    assert any("400: twice to [removed]" in row for row in rows)
    assert any("010-7777-1111" in row for row in rows)


def test_an_accepted_message_gets_its_result_after_the_erasure(engine: Engine, sandbox: Sandbox) -> None:
    """Also one after which the message would be sent again."""
    order = an_order_of(user_id=70_001)
    AcceptOrderEvents(transactions(engine))([order])
    courier = SendAlimtalk(ProviderDouble("nhn"), 0.0, WRITE_ALIMTALK)
    with delivering(engine, Effect.ALIMTALK, sandbox, courier=courier, provider="nhn") as work:
        work(StopSignal())
    assert delivery_of(engine, order, Effect.ALIMTALK).status is DeliveryStatus.ACCEPTED

    assert erase(engine, order.recipient.phone).is_done

    delivery = delivery_of(engine, order, Effect.ALIMTALK)
    assert delivery.status is DeliveryStatus.ACCEPTED
    message_id = delivery.history[-1].message_id
    assert message_id is not None
    RecordResults(transactions(engine))(
        "nhn", [ProviderResult(message_id, None, ResultState.FAILED, _SENT_AGAIN)]
    )
    assert delivery_of(engine, order, Effect.ALIMTALK).status is DeliveryStatus.FAILED


def test_counting_goes_on_beside_erasures(engine: Engine) -> None:
    users = range(70_001, 70_009)
    accept, count_sales = AcceptOrderEvents(transactions(engine)), CountSales(transactions(engine))
    stop, chance = StopSignal(), random.Random(7)  # noqa: S311 - the same load again
    accepted: list[OrderEvent] = []

    def consume() -> None:
        while not stop.is_set():
            first = an_order_of(("P-1", 1, 100), user_id=chance.choice(users))
            new = [an_order_like(first, chance), an_order_like(first, chance)]
            if is_done(partial(accept, new)):
                accepted.extend(new)
            is_done(lambda: count_sales(StopSignal()))

    with ThreadPoolExecutor(2) as pool:
        consumers = [pool.submit(consume) for _ in range(2)]
        try:
            wait_until(lambda: len(accepted) > 20, "some orders")
            for user_id in users:
                wait_until(partial(is_done, partial(_erase_user, engine, user_id)), "an erasure")
        finally:
            stop.set()
        for consumer in consumers:
            consumer.result(30)

    count_due(engine)
    assert sum(row[2] for row in sums(engine)["sales_daily"]) == len(accepted)
    check_that_a_rebuild_agrees(engine)


def _erase_user(engine: Engine, user_id: int) -> bool:
    return erase(engine, user_id=user_id).is_done


def is_done(work: Callable[[], object]) -> bool:
    """Whether it came to an end: on a busy machine a lock may take too long, and work is tried again."""
    try:
        return bool(work())
    except Exception as error:
        if not may_pass(error):
            raise
        return False


def test_the_command_counts_first_and_says_what_it_cant_reach(engine: Engine, migrated_url: str) -> None:
    order = an_order_of(user_id=70_001, recipient=Recipient("이바다", "010-1234-5678"))
    count(engine, [order])
    write_notes(engine, "이바다 asked twice", order, elsewhere="01012345678 asked")
    person = ("--phone", "+82 10-1234-5678")

    counts = "1 orders, 1 waiting alimtalks, 0 customers, 7 notes of operators"

    counted = run(migrated_url, *person, *WHY)
    done = run(migrated_url, *person, *WHY, "--yes")
    again = run(migrated_url, *person, *WHY, "--yes")

    assert [result.exit_code for result in (counted, done, again)] == [0, 0, 0]
    assert counted.stdout.splitlines()[:2] == [
        f"would be erased: {counts}; add --yes to do it",
        "kept: users 70001, who ordered; erase each who is this person",
    ]
    assert done.stdout.startswith(
        "erased: 1 orders, 1 waiting alimtalks, 0 customers, 7 notes of operators\n"
    )
    assert again.stdout.startswith("nothing is kept with this number; orders whose recipient was erased")
    for result in (counted, done, again):
        assert "not reached: order-completed, order-cancelled and their dead letters until" in result.stdout


def test_the_record_of_an_erasure_does_not_name_the_person(engine: Engine, migrated_url: str) -> None:
    count(engine, [an_order_of(user_id=70_001, recipient=Recipient("이바다", "010-1234-5678"))])
    reason = "이바다, 010 1234 5678, user 70001 wants it"

    done = run(migrated_url, "--user", "70001", "--by", "lee", "--reason", reason, "--yes")

    assert done.exit_code == 0
    with engine.connect() as connection:
        record = connection.execute(text("SELECT erased_by, reason, orders, customers FROM erasure")).one()
    assert tuple(record) == ("lee", "[removed], [removed], user [removed] wants it", 1, 1)
    assert "이바다" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [*WHY],
        ["--phone", "12", *WHY],
        ["--phone", "", *WHY],
        ["--user", "0", *WHY],
        ["--user", "kim", *WHY],
        ["--user", "7", "--by", "lee"],
        ["--user", "7", "--by", " ", "--reason", "x"],
        ["--name", "kim", *WHY],
    ],
)
def test_bad_arguments_of_erase_are_refused_in_one_line(arguments: list[str]) -> None:
    refused = run("postgresql://u:p@127.0.0.1:1/notification", *arguments)

    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
