"""Facts of a small shop in which everything adds up; each test bends one of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shop_demo.checks.coupon_checks import check_coupons
from shop_demo.checks.findings import Findings
from shop_demo.checks.order_checks import check_orders
from shop_demo.facts import (
    AlimtalkMessage,
    AnalyticsRow,
    AnsweredPress,
    CouponFacts,
    CouponRequest,
    Delivery,
    GatewayFacts,
    GatewayPayment,
    LedgerSum,
    OrderFacts,
    OutboxEvent,
    PaidOrder,
    PublishedEvent,
    StoredOrder,
    StoredPayment,
    UserCoupon,
)
from shop_demo.orders import Order, OrderItem, Recipient
from shop_demo.summary import StackSummary, Summary

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_NS = int(NOON.timestamp()) * 10**9
EFFECTS = ("ALIMTALK", "ANALYTICS", "MONITORING")


def an_order(
    *,
    source_id: str = "S-1",
    currency: str = "KRW",
    items: tuple[OrderItem, ...] = (OrderItem("P-1", 2, 15_000),),
) -> Order:
    return Order(source_id, 7, NOON, currency, items, Recipient("김하윤", "010-1234-5678"))


def coupon_facts(*, users: int = 4, stock: int = 3, twice: int = 1) -> CouponFacts:
    """One press after the other, 10 ms apart; the first `twice` users press again at the end."""
    presses = []
    requests = []
    coupons: list[UserCoupon] = []
    holders: set[int] = set()
    for number, user_id in enumerate([*range(1, users + 1), *range(1, twice + 1)], start=1):
        sent_at_ns = NOON_NS + number * 10_000_000
        request_id = f"request-{number}"
        presses.append(AnsweredPress(user_id, request_id, sent_at_ns, sent_at_ns + 5_000_000))
        if user_id in holders:
            status, reason, issue_number = "REJECTED", "DUPLICATE", None
        elif len(coupons) == stock:
            status, reason, issue_number = "REJECTED", "SOLD_OUT", None
        else:
            status, reason, issue_number = "ISSUED", None, len(coupons) + 1
            holders.add(user_id)
            coupons.append(UserCoupon(user_id, request_id, len(coupons) + 1))
        decided_at = NOON + timedelta(milliseconds=number * 10 + 30)
        requests.append(CouponRequest(request_id, user_id, status, reason, number, issue_number, decided_at))
    return CouponFacts(
        coupon_id=9,
        stock=stock,
        presses_sent=len(presses),
        presses=tuple(presses),
        reported={request.request_id: request for request in requests},
        issued_quantity_reported=len(coupons),
        stored=tuple(requests),
        user_coupons=tuple(coupons),
        published=tuple(
            PublishedEvent(f"event-{n}", "9", request.request_id, 0, n) for n, request in enumerate(requests)
        ),
    )


def a_delivery(number: int, effect: str, *, provider: str) -> Delivery:
    """One that is done; of the first message, whose webhook came too early, the result was asked for."""
    done = Delivery(
        f"event-{number}", f"order-{number}", effect, "DELIVERED", NOON + timedelta(milliseconds=200)
    )
    questions = int(number == 1)
    return (
        replace(done, provider=provider, result_code="1000", result_questions=questions)
        if effect == "ALIMTALK"
        else done
    )


def a_payment(
    number: int, *, order: int | None = None, status: str = "APPROVED", amount: int = 30_000
) -> StoredPayment:
    return StoredPayment(f"payment-{number}", f"order-{order or number}", status, "KRW", amount, NOON)


def gateway_facts(*, orders: int = 3) -> GatewayFacts:
    """What the gateway keeps of the orders: one payment each, and one that lapsed unpaid."""
    payments = tuple(GatewayPayment(f"order-{n}", "KRW", 30_000) for n in range(1, orders + 1))
    return GatewayFacts("toss", (*payments, GatewayPayment("order-1", "KRW", 0)), {"cut after": 1})


def order_facts(*, orders: int = 3) -> OrderFacts:
    """Each order of 30,000 won; every effect 200 ms after the payment.

    The last order's message went through the second provider, and the first one's reply was lost.
    """
    numbers = range(1, orders + 1)
    total = an_order().total_amount
    return OrderFacts(
        source="generator",
        orders_sent=orders,
        paid=tuple(PaidOrder(an_order(), f"order-{n}", f"payment-{n}", total) for n in numbers),
        completed_orders=tuple(StoredOrder(f"order-{n}", "KRW", total) for n in numbers),
        payments=tuple(a_payment(n, amount=total) for n in numbers),
        ledger=tuple(LedgerSum(f"order-{n}", "KRW", total) for n in numbers),
        outbox=tuple(OutboxEvent(f"event-{n}", f"order-{n}") for n in numbers),
        published=tuple(
            PublishedEvent(f"event-{n}", f"order-{n}", f"order-{n}", 0, n, "KRW", total) for n in numbers
        ),
        deliveries=tuple(
            a_delivery(n, effect, provider="nhn" if n == orders else "solapi")
            for n in numbers
            for effect in EFFECTS
        ),
        analytics=tuple(AnalyticsRow(f"order-{n}", f"event-{n}", "KRW", total) for n in numbers),
        alimtalk_messages=tuple(
            AlimtalkMessage("nhn" if n == orders else "solapi", f"event-{n}") for n in numbers
        ),
        replies_lost=("event-1",),
        found_by_look_up=frozenset({"event-1"}),
        first_provider_failed=True,
        webhooks_dropped={"solapi": 0, "nhn": 0},
        monitoring_notices={f"event-{n}": 1 for n in numbers},
        reported_delivered={"order-1": frozenset({"alimtalk", "analytics", "monitoring"})},
        sales_reported={"KRW": total * orders},
        sales_stored_before={"KRW": total * orders},
        sales_stored={"KRW": total * orders},
    )


def a_summary(*, problems: tuple[str, ...] = ()) -> Summary:
    findings = Findings()
    return Summary(
        ok=not problems,
        seed=1,
        stack=StackSummary(kind="embedded", postgresql="18.1", kafka="4.3.1"),
        coupons=check_coupons(coupon_facts(), findings),
        orders=check_orders(order_facts(), findings),
        problems=problems,
        log_errors=0,
        first_log_errors=(),
    )
