"""A webhook makes its payment due, and only what the gateway then says counts."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from structlog.typing import EventDict

from order_service.application.ports import LAST_UNPAID
from order_service.application.settle_hinted_payments import LAST_ATTEMPT_IF_SETTLED, SettleHintedPayments
from order_service.application.settle_unsettled_payments import LEASE, LookUps
from order_service.domain.payment import Payment
from order_service.domain.payment_outcome import AwaitsDeposit, Declined, Unpaid
from order_service.gateways.toss.webhooks import parse_webhook
from order_service.persistence.unit_of_work import OrderUnitOfWork
from tests.integration.order_service.hints import a_follower, a_toss_body, report, time_passes_for_hints
from tests.integration.order_service.ledger_gateway import CallerDied, LedgerGateway
from tests.integration.order_service.refunding.test_refunding import REFUNDED, a_refunder
from tests.integration.order_service.settling.test_settling import a_worker, backlog
from tests.integration.order_service.shop import IN_PROGRESS_LIMIT, Shop

NOTHING = LookUps(0, 0)
DEADLINE_SECONDS = 30


@pytest.fixture
def gateway() -> LedgerGateway:
    return LedgerGateway("toss", "shop-1")


@pytest.fixture
def toss_shop(shop: Shop, gateway: LedgerGateway) -> Shop:
    return Shop(shop.engine, gateway, webhooks={"toss": parse_webhook})


@pytest.fixture
def follower(toss_shop: Shop, gateway: LedgerGateway) -> SettleHintedPayments:
    return a_follower(toss_shop.engine, gateway)


def hint(shop: Shop, order_id: str, payment_key: str, status: str = "DONE") -> None:
    reply = report(shop, a_toss_body(order_id, payment_key, status))
    assert (reply.status_code, reply.data) == (200, b"")


def unknown(shop: Shop, payment_key: str = "silent-1") -> str:
    """An order whose payment's outcome isn't known."""
    order_id = shop.placed()
    assert shop.pay(order_id, payment_key, key="k-1").status_code == 504
    return order_id


def test_a_hinted_payment_is_settled_at_once(toss_shop: Shop, follower: SettleHintedPayments) -> None:
    order_id = unknown(toss_shop)
    hint(toss_shop, order_id, "silent-1")

    assert follower() == LookUps(looked_up=1, settled=1)

    assert (toss_shop.order(order_id)["status"], len(toss_shop.events())) == ("COMPLETED", 1)
    assert toss_shop.count("payment_hint") == 0
    # The client comes back all the same.
    assert toss_shop.pay(order_id, "silent-1", key="k-1").status_code == 201


def test_hints_of_one_payment_are_one_look_up_and_none_once_it_is_final(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = unknown(toss_shop)
    gateway.blind = True
    with ThreadPoolExecutor(4) as senders:
        list(senders.map(lambda _: hint(toss_shop, order_id, "silent-1"), range(16)))
    assert follower() == LookUps(looked_up=1, settled=0)
    hint(toss_shop, order_id, "silent-1")
    # Within the same second.
    toss_shop.execute("UPDATE payment SET looked_up_at = clock_timestamp() + interval '1 hour'")
    assert follower() == NOTHING
    gateway.blind = False
    time_passes_for_hints(toss_shop, 3602)
    assert follower() == LookUps(looked_up=1, settled=1)

    for status in ("DONE", "ABORTED", "EXPIRED", "DONE"):
        hint(toss_shop, order_id, "silent-1", status)
    time_passes_for_hints(toss_shop, 3600)

    assert (follower(), toss_shop.count("payment_hint")) == (NOTHING, 0)
    assert gateway.looked_up == ["silent-1"] * 2


def test_a_lie_about_an_unknown_payment_changes_nothing(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    gateway.keeps_authorisations = True
    order_id = unknown(toss_shop, "lost-1")
    before = toss_shop.query(
        "SELECT status, attempt, requested_at, next_lookup_at, lookup_count FROM payment"
    )

    for status in ("DONE", "CANCELED", "ABORTED", "WHATEVER"):
        hint(toss_shop, order_id, "lost-1", status)
    assert follower() == LookUps(looked_up=1, settled=0)

    after = toss_shop.query("SELECT status, attempt, requested_at, next_lookup_at, lookup_count FROM payment")
    assert (after, toss_shop.events()) == (before, [])


@pytest.mark.parametrize("status", ["ABORTED", "EXPIRED", "CANCELED", "WAITING_FOR_DEPOSIT"])
def test_a_paid_order_is_never_downgraded(
    toss_shop: Shop,
    follower: SettleHintedPayments,
    gateway: LedgerGateway,
    logs: list[EventDict],
    status: str,
) -> None:
    order_id = toss_shop.placed()
    assert toss_shop.pay(order_id, "pay-1").status_code == 201

    hint(toss_shop, order_id, "pay-1", status)
    follower()

    assert toss_shop.order(order_id)["payment"]["status"] == "APPROVED"
    asked_about = ["pay-1"] if status in ("CANCELED", "WAITING_FOR_DEPOSIT") else []
    assert gateway.looked_up == asked_about
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


def test_lies_about_a_paid_order_cost_a_look_up_a_minute_at_most(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = toss_shop.placed()
    toss_shop.pay(order_id, "pay-1")
    for _ in range(3):
        hint(toss_shop, order_id, "pay-1", "CANCELED")
        follower()
        time_passes_for_hints(toss_shop, 19)
    assert gateway.looked_up == ["pay-1"]
    time_passes_for_hints(toss_shop, 10)
    assert follower() == LookUps(looked_up=1, settled=0)


def test_money_that_is_gone_from_the_gateway_is_reported_once(
    toss_shop: Shop, gateway: LedgerGateway, logs: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = toss_shop.placed()
    toss_shop.pay(order_id, "pay-1")
    reported: list[Payment] = []
    follower = a_follower(toss_shop.engine, gateway, report=reported.append)
    monkeypatch.setattr(gateway, "find", lambda request, asked_at: Declined("CANCELED"))

    for _ in range(3):
        hint(toss_shop, order_id, "pay-1", "CANCELED")
        follower()
        time_passes_for_hints(toss_shop, 61)

    assert [payment.request.payment_key for payment in reported] == ["pay-1"]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["payment_taken_back"]
    assert (toss_shop.payment_statuses(), toss_shop.count("payment_hint")) == (["APPROVED"], 0)


def test_one_look_up_that_lags_behind_takes_nothing_back(
    toss_shop: Shop,
    follower: SettleHintedPayments,
    gateway: LedgerGateway,
    logs: list[EventDict],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order_id = toss_shop.placed()
    toss_shop.pay(order_id, "pay-1")
    hint(toss_shop, order_id, "pay-1", "CANCELED")
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "find", lambda request, asked_at: AwaitsDeposit(gateway.deposits_due_at))
        assert follower() == LookUps(looked_up=1, settled=0)
    assert toss_shop.count("payment_hint") == 1

    time_passes_for_hints(toss_shop, 61)
    assert follower() == LookUps(looked_up=1, settled=0)

    assert toss_shop.query("SELECT taken_back_at FROM payment") == [(None,)]
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == []
    assert toss_shop.count("payment_hint") == 0


def test_hints_of_settled_payments_wait_for_those_of_unsettled_ones(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    settled = toss_shop.placed()
    toss_shop.pay(settled, "pay-1")
    waiting = unknown(toss_shop)
    hint(toss_shop, settled, "pay-1", "CANCELED")
    hint(toss_shop, waiting, "silent-1")

    follower()

    assert gateway.looked_up == ["silent-1", "pay-1"]


def test_hints_of_declined_payments_wait_for_all_others(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    paid = toss_shop.placed()
    toss_shop.pay(paid, "pay-1")
    toss_shop.pay(toss_shop.placed(), "decline-1")
    time_passes_for_hints(toss_shop, 601)
    hint(toss_shop, paid, "pay-1", "CANCELED")

    follower()

    assert gateway.looked_up == ["pay-1", "decline-1"]


def test_a_webhook_of_a_declined_payment_gets_questions_of_its_own(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = toss_shop.placed()
    toss_shop.pay(order_id, "decline-1")
    hint(toss_shop, order_id, "decline-1", "DONE")
    # The look-up lags behind.
    gateway.says["decline-1"] = Unpaid()
    for _ in range(LAST_UNPAID):
        assert toss_shop.count("payment_hint") == 1
        time_passes_for_hints(toss_shop, 601)
        assert follower().looked_up == 1
    assert toss_shop.count("payment_hint") == 0


def test_a_hint_of_a_settled_payment_is_due_again_in_a_minute(
    toss_shop: Shop, follower: SettleHintedPayments
) -> None:
    order_id = toss_shop.placed()
    toss_shop.pay(order_id, "pay-1")
    hint(toss_shop, order_id, "pay-1", "CANCELED")
    follower()
    pause = "extract(epoch FROM due_at - clock_timestamp())::float"
    [(seconds,)] = toss_shop.query(f"SELECT {pause} FROM payment_hint")  # noqa: S608
    assert 50 < seconds <= 60


def test_a_settled_payment_that_stays_undecided_is_given_up_and_logged(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway, logs: list[EventDict]
) -> None:
    order_id = unknown(toss_shop)
    toss_shop.execute("UPDATE payment SET status = 'ABANDONED', decided_by = 'toss'")
    gateway.blind = True
    hint(toss_shop, order_id, "silent-1")
    toss_shop.execute(f"UPDATE payment_hint SET lookup_count = {LAST_ATTEMPT_IF_SETTLED - 2}")  # noqa: S608

    follower()
    assert toss_shop.count("payment_hint") == 1
    time_passes_for_hints(toss_shop, 601)
    follower()

    assert toss_shop.count("payment_hint") == 0
    [given_up] = [entry for entry in logs if entry["event"] == "payment_hint_given_up"]
    assert (given_up["log_level"], given_up["attempt"]) == ("warning", LAST_ATTEMPT_IF_SETTLED)


def test_what_is_known_is_forgotten_in_batches(toss_shop: Shop, gateway: LedgerGateway) -> None:
    for number in range(3):
        order_id = toss_shop.placed()
        toss_shop.pay(order_id, f"decline-{number}")
        hint(toss_shop, order_id, f"decline-{number}")
    toss_shop.execute("UPDATE payment SET status = 'REFUND_DUE', approved_at = requested_at")

    for left in (1, 0):
        with OrderUnitOfWork(toss_shop.engine) as unit_of_work:
            assert unit_of_work.payment_hints.drop_known(2) == 2 - (1 - left)
            unit_of_work.commit()
        assert toss_shop.count("payment_hint") == left


def test_a_given_up_payment_that_was_charged_is_to_be_refunded(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = unknown(toss_shop)
    toss_shop.execute("UPDATE payment SET status = 'ABANDONED', decided_by = 'toss'")
    gateway.blind = True

    hint(toss_shop, order_id, "silent-1")
    for _ in range(9):
        # Nothing else would ask about it.
        assert follower() == LookUps(looked_up=1, settled=0)
        time_passes_for_hints(toss_shop, 601)
    gateway.blind = False
    follower()

    assert (toss_shop.payment_statuses(), toss_shop.count("payment_hint")) == (["REFUND_DUE"], 0)


@pytest.mark.parametrize(("status", "settled"), [("UNKNOWN", 1), ("ABANDONED", 0)])
def test_what_was_paid_for_an_expired_order_is_returned(
    toss_shop: Shop, follower: SettleHintedPayments, logs: list[EventDict], status: str, settled: int
) -> None:
    order_id = unknown(toss_shop)
    toss_shop.execute(f"UPDATE payment SET status = '{status}', decided_by = 'toss'")  # noqa: S608 - ours
    toss_shop.execute("UPDATE orders SET expired_at = clock_timestamp()")

    hint(toss_shop, order_id, "silent-1")
    assert follower() == LookUps(looked_up=1, settled=settled)

    assert (toss_shop.order(order_id)["status"], toss_shop.events()) == ("EXPIRED", [])
    assert toss_shop.payment_statuses() == ["REFUND_DUE"]
    assert a_refunder(toss_shop)() == REFUNDED
    # The gateway reports the refund that it was asked for.
    hint(toss_shop, order_id, "silent-1", "CANCELED")
    assert (toss_shop.count("payment_hint"), follower()) == (0, NOTHING)
    assert [entry for entry in logs if entry["log_level"] == "error"] == []


def test_a_hint_waits_for_the_answer_that_its_payments_request_gets(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = toss_shop.placed()
    gateway.before_charging = lambda request: hint(toss_shop, order_id, "pay-1")

    assert toss_shop.pay(order_id, "pay-1").status_code == 201

    assert toss_shop.count("payment_hint") == 1
    assert follower() == NOTHING
    time_passes_for_hints(toss_shop, 3)
    assert (follower(), toss_shop.count("payment_hint")) == (NOTHING, 0)
    assert gateway.looked_up == []


def test_a_payment_whose_process_died_is_settled_before_its_time_is_over(
    toss_shop: Shop, follower: SettleHintedPayments
) -> None:
    order_id = toss_shop.placed()
    with pytest.raises(CallerDied):
        toss_shop.pay(order_id, "fatal-1")
    hint(toss_shop, order_id, "fatal-1")
    time_passes_for_hints(toss_shop, 3)

    assert follower() == LookUps(looked_up=1, settled=1)

    assert toss_shop.order(order_id)["status"] == "COMPLETED"


def test_a_payment_in_progress_is_not_given_up(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = toss_shop.placed()
    charging, charge = threading.Event(), threading.Event()

    def hold(_: object) -> None:
        charging.set()
        assert charge.wait(DEADLINE_SECONDS)

    gateway.before_charging = hold
    with ThreadPoolExecutor(1) as pool:
        paid = pool.submit(toss_shop.pay, order_id, "pay-1")
        try:
            assert charging.wait(DEADLINE_SECONDS)
            hint(toss_shop, order_id, "pay-1", "ABORTED")
            time_passes_for_hints(toss_shop, 3)
            # The gateway doesn't know it yet.
            assert follower() == LookUps(looked_up=1, settled=0)
            assert toss_shop.payment_statuses() == ["REQUESTED"]
        finally:
            charge.set()
        assert paid.result(DEADLINE_SECONDS).status_code == 201


def test_a_hint_whose_outcome_was_not_stored_is_followed_again(
    toss_shop: Shop, follower: SettleHintedPayments
) -> None:
    order_id = unknown(toss_shop)
    hint(toss_shop, order_id, "silent-1")
    toss_shop.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$;"
        "CREATE TRIGGER full_disk BEFORE UPDATE OF status ON payment FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    assert follower() == LookUps(looked_up=1, settled=0)
    assert toss_shop.count("payment_hint") == 1

    toss_shop.execute("DROP TRIGGER full_disk ON payment")
    assert follower() == NOTHING
    time_passes_for_hints(toss_shop, LEASE.total_seconds())

    assert follower() == LookUps(looked_up=1, settled=1)


def test_a_hint_that_comes_while_the_gateway_is_asked_is_followed_next(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = unknown(toss_shop)
    hint(toss_shop, order_id, "silent-1", "ABORTED")

    def charge_late(_: object) -> None:
        gateway.before_answering = lambda request: None
        hint(toss_shop, order_id, "silent-1")

    gateway.before_answering, gateway.blind = charge_late, True
    assert follower() == LookUps(looked_up=1, settled=0)
    gateway.blind = False
    time_passes_for_hints(toss_shop, 1)

    assert follower() == LookUps(looked_up=1, settled=1)


def test_a_process_that_stood_still_after_its_claim_asks_nothing(
    toss_shop: Shop, gateway: LedgerGateway
) -> None:
    hint(toss_shop, unknown(toss_shop), "silent-1")
    clock = iter([0.0, LEASE.total_seconds(), 0.0])

    follower = a_follower(toss_shop.engine, gateway, clock_seconds=lambda: next(clock))

    assert follower() == LookUps(looked_up=1, settled=0)
    assert (gateway.looked_up, toss_shop.payment_statuses()) == ([], ["UNKNOWN"])


def test_planned_look_ups_go_on_beside_hints(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    """Whatever the webhooks say, and however often."""
    order_id = unknown(toss_shop)
    gateway.blind = True
    for _ in range(6):
        hint(toss_shop, order_id, "silent-1")
        assert follower() == LookUps(looked_up=1, settled=0)
        time_passes_for_hints(toss_shop, 601)
    assert (follower(), toss_shop.count("payment_hint")) == (NOTHING, 0)
    gateway.blind = False
    toss_shop.time_passes(IN_PROGRESS_LIMIT)

    assert a_worker(toss_shop.engine, gateway)() == LookUps(looked_up=1, settled=1)


def test_another_accounts_hint_waits_for_its_worker(toss_shop: Shop, follower: SettleHintedPayments) -> None:
    hint(toss_shop, unknown(toss_shop), "silent-1")
    other = LedgerGateway("toss", "shop-2")

    assert a_follower(toss_shop.engine, other)() == NOTHING

    assert other.looked_up == []
    assert follower() == LookUps(looked_up=1, settled=1)


SILENT: Mapping[str, Any] = {
    "another-type": {"eventType": "payout.changed", "data": {"id": 1}},
    "cancel-status": {"eventType": "CANCEL_STATUS_CHANGED", "data": {"cancelStatus": "DONE"}},
    "another-order": a_toss_body("01940a00-0000-7000-8000-000000000001", "silent-1"),
    "another-shops-order": a_toss_body("A-2026-11-30-17", "silent-1"),
    "sql": a_toss_body("'; DROP TABLE payment; --", "%"),
    "deposit-of-another-order": {
        "createdAt": "2026-11-30T09:00:00+09:00",
        "secret": "ps_1",
        "status": "DONE",
        "transactionKey": "t-1",
        "orderId": "01940a00-0000-7000-8000-000000000001",
    },
}


@pytest.mark.parametrize("body", SILENT.values(), ids=SILENT.keys())
def test_what_is_not_about_a_payment_of_the_shop_is_received_and_nothing(toss_shop: Shop, body: Any) -> None:
    unknown(toss_shop)
    reply = report(toss_shop, {**body, "newField": [1, {"a": None}]})
    assert (reply.status_code, reply.data) == (200, b"")
    assert toss_shop.count("payment_hint") == 0


@pytest.mark.parametrize("payment_key", ["%", "silent-_", "another"])
def test_another_payment_of_the_order_is_not_asked_about(toss_shop: Shop, payment_key: str) -> None:
    hint(toss_shop, unknown(toss_shop), payment_key)
    assert toss_shop.count("payment_hint") == 0


def test_an_order_that_is_never_paid_pages_nobody(toss_shop: Shop, follower: SettleHintedPayments) -> None:
    order_id = toss_shop.placed()
    for status in ("READY", "EXPIRED", "ABORTED"):
        hint(toss_shop, order_id, "key-that-came-by-webhook-first", status)
    assert follower() == NOTHING
    found = backlog(toss_shop)
    assert (found.unsettled, found.oldest_unsettled_seconds, found.unreachable) == (0, 0.0, ())


def test_a_deposit_is_found_by_its_order_alone(
    toss_shop: Shop, follower: SettleHintedPayments, gateway: LedgerGateway
) -> None:
    order_id = unknown(toss_shop, "deposit-1")
    gateway.deposited = True
    assert report(toss_shop, {"secret": "ps", "status": "DONE", "orderId": order_id}).status_code == 200
    assert follower() == LookUps(looked_up=1, settled=1)


def test_a_slow_database_is_answered_503_and_the_next_delivery_counts(
    toss_shop: Shop, follower: SettleHintedPayments, logs: list[EventDict]
) -> None:
    order_id = unknown(toss_shop)
    with toss_shop.engine.begin() as holder:
        holder.execute(text("LOCK TABLE payment_hint IN EXCLUSIVE MODE"))
        reply = report(toss_shop, a_toss_body(order_id, "silent-1"))
    assert (reply.status_code, "Retry-After" in reply.headers) == (503, True)
    # After a second. Otherwise the lock's time-out would have come first.
    [busy] = [entry["reason"] for entry in logs if entry["event"] == "database_busy"]
    assert "statement timeout" in busy

    hint(toss_shop, order_id, "silent-1")
    assert follower() == LookUps(looked_up=1, settled=1)


def test_a_webhook_waits_for_no_payment_that_is_being_settled(
    toss_shop: Shop, follower: SettleHintedPayments
) -> None:
    order_id = unknown(toss_shop)
    with toss_shop.engine.begin() as holder:
        holder.execute(text("SELECT FROM orders FOR UPDATE"))
        holder.execute(text("SELECT FROM payment FOR UPDATE"))
        hint(toss_shop, order_id, "silent-1")
        assert follower() == NOTHING
    assert follower() == LookUps(looked_up=1, settled=1)
