"""How payments ended: each order was paid once, whatever its client was answered, and late is not wrong."""

from shop_demo.checks.findings import Findings
from shop_demo.facts import OrderFacts
from shop_demo.gateway_faults import FEWEST_ORDERS
from shop_demo.summary import PaymentSummary


def check_payments(facts: OrderFacts, findings: Findings) -> PaymentSummary:
    """The summary's figures; whatever contradicts another is added to `findings`."""
    approved = [payment for payment in facts.payments if payment.status == "APPROVED"]
    findings.expect_none("orders whose payment was not settled in time", facts.unsettled)
    findings.expect("orders placed and paid", expected=facts.orders_sent, found=len(facts.paid))
    findings.expect("approved payments in the database", expected=len(facts.paid), found=len(approved))
    findings.expect_same_ids(
        "approved payments in the database",
        expected=(paid.payment_id for paid in facts.paid),
        found=(payment.payment_id for payment in approved),
    )
    findings.expect_same_ids(
        "completed orders in the database",
        expected=(paid.order_id for paid in facts.paid),
        found=(order.order_id for order in facts.completed_orders),
    )
    findings.expect(
        "declined payments in the database",
        expected=sum(paid.declines for paid in facts.paid),
        found=sum(payment.status == "DECLINED" for payment in facts.payments),
    )
    findings.expect_none(
        "payments whose money has to be returned",
        (payment.payment_id for payment in facts.payments if payment.status == "REFUND_DUE"),
    )
    faults = {} if facts.gateway is None else facts.gateway.faults
    if facts.gateway is not None and facts.orders_sent >= FEWEST_ORDERS and not faults:
        findings.expect(f"faults of {facts.gateway.name}", expected="some", found=0)
    return PaymentSummary(
        gateway=None if facts.gateway is None else facts.gateway.name,
        faults=faults,
        unanswered=sum(paid.unanswered > 0 for paid in facts.paid),
        settled_by_worker=sum(paid.unanswered > 0 and not paid.came_back for paid in facts.paid),
        unsettled=len(facts.unsettled),
    )
