"""What an administrator of the database could do to hide something, and what shows it."""

# ruff: noqa: S608 - our own statements

from collections.abc import Mapping
from dataclasses import dataclass

SALE = "(SELECT entry_id FROM ledger_entry WHERE kind = 'SALE' ORDER BY entry_id LIMIT 1)"
RETURNED = "(SELECT min(entry_id) FROM ledger_entry WHERE kind = 'MONEY_RETURNED')"
SOLD = "(SELECT payment_id FROM payment WHERE status = 'APPROVED' ORDER BY payment_id LIMIT 1)"
OTHER = "'00000000-0000-7000-8000-000000000001'"
ENTERED = "(SELECT order_id FROM payment WHERE payment_id = " + SOLD + ")"


@dataclass(frozen=True, slots=True)
class Tampering:
    """``statements`` without triggers, and the kinds of differences that they make."""

    statements: str
    shows: frozenset[str]


def _shown(statements: str, *kinds: str) -> Tampering:
    return Tampering(statements, frozenset(kinds))


def _an_entry(recorded_at: str) -> str:
    return f"""
        INSERT INTO ledger_entry (entry_id, kind, source_id, payment_id, order_id, occurred_at, recorded_at)
               OVERRIDING SYSTEM VALUE
        VALUES (999, 'CANCELLATION', {OTHER}, {OTHER}, {OTHER}, now(), {recorded_at});
        INSERT INTO ledger_posting VALUES (999, 'returns', 'KRW', 5), (999, 'refunds-payable', 'KRW', -5)
    """


TAMPERINGS: Mapping[str, Tampering] = {
    "amounts_changed": _shown(
        f"UPDATE ledger_posting SET amount = amount + sign(amount) WHERE entry_id = {SALE}"
        " AND account <> 'discounts'",
        "entry_disagrees",
        "seal_wrong",
    ),
    "amount_changed": _shown(
        f"UPDATE ledger_posting SET amount = amount - 1 WHERE entry_id = {SALE} AND account = 'sales'",
        "entry_disagrees",
        "entry_unbalanced",
        "seal_wrong",
    ),
    "account_swapped": _shown(
        f"UPDATE ledger_posting SET account = 'losses' WHERE entry_id = {SALE} AND account = 'discounts'",
        "entry_disagrees",
        "seal_wrong",
    ),
    "currency_changed": _shown(
        f"UPDATE ledger_posting SET currency = 'USD' WHERE entry_id = {SALE}",
        "entry_disagrees",
        "gateway_overdrawn",
        "seal_wrong",
    ),
    "lost_money_returned_from_the_gateway": _shown(
        "UPDATE ledger_posting SET account = 'gateway:toss/shop-1' WHERE account = 'losses' AND amount < 0"
        " AND entry_id IN (SELECT entry_id FROM ledger_entry WHERE kind = 'MONEY_RETURNED')",
        "entry_disagrees",
        "gateway_overdrawn",
        "seal_wrong",
    ),
    "posting_deleted": _shown(
        f"DELETE FROM ledger_posting WHERE entry_id = {SALE} AND account = 'discounts'",
        "entry_disagrees",
        "entry_unbalanced",
        "seal_wrong",
    ),
    "time_changed": _shown(
        f"UPDATE ledger_entry SET occurred_at = occurred_at - interval '1 day' WHERE entry_id = {SALE}",
        "entry_disagrees",
        "seal_wrong",
    ),
    "entry_of_another_order": _shown(
        f"UPDATE ledger_entry SET order_id = {OTHER} WHERE entry_id = {SALE}", "entry_disagrees", "seal_wrong"
    ),
    "entry_of_another_payment": _shown(
        f"UPDATE ledger_entry SET payment_id = {OTHER} WHERE entry_id = {SALE}",
        "entry_missing",
        "entry_without_source",
        "gateway_overdrawn",
        "seal_wrong",
    ),
    "entry_deleted": _shown(
        f"DELETE FROM ledger_posting WHERE entry_id = {RETURNED};"
        f" DELETE FROM ledger_entry WHERE entry_id = {RETURNED}",
        "entry_missing",
        "seal_wrong",
    ),
    "postings_left_behind": _shown(
        f"DELETE FROM ledger_entry WHERE entry_id = {RETURNED}",
        "entry_missing",
        "posting_without_entry",
        "seal_wrong",
    ),
    "entry_added": _shown(_an_entry("now()"), "entry_without_source"),
    "entry_backdated": _shown(
        _an_entry("(SELECT min(recorded_at) FROM ledger_entry)"), "entry_without_source", "seal_wrong"
    ),
    "entry_before_the_ledger": _shown(
        _an_entry("(SELECT min(hour) FROM ledger_seal)"), "entry_before_chain", "entry_without_source"
    ),
    "entry_moved_to_another_hour": _shown(
        f"UPDATE ledger_entry SET recorded_at = recorded_at + interval '1 hour' WHERE entry_id = {SALE}",
        "seal_wrong",
    ),
    "entry_duplicated": _shown(
        "ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_once;"
        " INSERT INTO ledger_entry OVERRIDING SYSTEM VALUE SELECT 999, kind, source_id, payment_id,"
        " order_id, occurred_at, now()"
        f" FROM ledger_entry WHERE entry_id = {SALE};"
        " INSERT INTO ledger_posting SELECT 999, account, currency, amount FROM ledger_posting"
        f" WHERE entry_id = {SALE}",
        "entry_twice",
    ),
    "seal_changed": _shown(
        "UPDATE ledger_seal SET digest = sha256(digest) WHERE hour = (SELECT max(hour) FROM ledger_seal)",
        "seal_wrong",
    ),
    "count_changed": _shown(
        "UPDATE ledger_seal SET entries = entries + 1 WHERE hour = (SELECT max(hour) FROM ledger_seal)",
        "seal_wrong",
    ),
    "seal_deleted": _shown(
        "DELETE FROM ledger_seal WHERE hour = (SELECT max(hour) - interval '1 hour' FROM ledger_seal)",
        "seal_missing",
    ),
    "chain_cut_at_its_beginning": _shown(
        "DELETE FROM ledger_seal WHERE hour <= (SELECT min(hour) + interval '1 hour' FROM ledger_seal)",
        "chain_cut",
        "entry_before_chain",
    ),
    "chain_cut_at_its_end": _shown(
        "DELETE FROM ledger_seal WHERE hour > (SELECT min(hour) FROM ledger_seal)", "hour_not_sealed"
    ),
    "all_seals_deleted": _shown("DELETE FROM ledger_seal", "chain_cut"),
    "payment_altered": _shown(
        f"UPDATE payment SET amount = amount + 1 WHERE payment_id = {SOLD}", "payment_disagrees"
    ),
    "payment_at_another_account": _shown(
        f"UPDATE payment SET gateway_account = 'shop-2' WHERE payment_id = {SOLD}", "entry_disagrees"
    ),
    "payment_approved_at_another_time": _shown(
        f"UPDATE payment SET approved_at = approved_at - interval '1 day' WHERE payment_id = {SOLD}",
        "entry_disagrees",
    ),
    "payment_undone": _shown(
        f"UPDATE payment SET status = 'ABANDONED', approved_at = NULL WHERE payment_id = {SOLD}",
        "entry_without_source",
        "order_without_payment",
    ),
    "payment_deleted": _shown(
        f"DELETE FROM payment WHERE payment_id = {SOLD}", "entry_without_source", "order_without_payment"
    ),
    "payment_without_entry": _shown(
        "UPDATE payment SET status = 'APPROVED', approved_at = now() WHERE status = 'REQUESTED'",
        "entry_missing",
        "payment_without_completed_order",
    ),
    "charge_altered": _shown(
        "UPDATE payment SET charged_amount = charged_amount - 1 WHERE charged_amount IS NOT NULL",
        "entry_disagrees",
    ),
    "order_made_cheaper": _shown(
        f"UPDATE orders SET total_amount = total_amount - 1 WHERE order_id = {ENTERED}",
        "discount_disagrees",
        "entry_disagrees",
        "payment_disagrees",
    ),
    "order_in_another_currency": _shown(
        f"UPDATE orders SET currency = 'USD' WHERE order_id = {ENTERED}",
        "entry_disagrees",
        "payment_disagrees",
    ),
    "order_deleted": _shown(
        f"DELETE FROM orders WHERE order_id = {ENTERED}",
        "discount_disagrees",
        "entry_disagrees",
        "payment_disagrees",
        "payment_without_completed_order",
    ),
    "prices_altered": _shown(
        f"UPDATE order_item SET unit_price = unit_price + 1 WHERE order_id = {ENTERED} AND line_number = 2",
        "discount_disagrees",
        "entry_disagrees",
    ),
    "discount_altered": _shown(
        f"UPDATE orders SET discount_amount = discount_amount + 1 WHERE order_id = {ENTERED}",
        "discount_disagrees",
    ),
    "order_completed_unpaid": _shown(
        "UPDATE orders SET status = 'COMPLETED', completed_at = now() WHERE status <> 'COMPLETED'",
        "order_without_payment",
    ),
    "order_to_be_paid_again": _shown(
        f"UPDATE orders SET status = 'PENDING_PAYMENT', completed_at = NULL WHERE order_id = {ENTERED}",
        "payment_without_completed_order",
    ),
    "refund_undone": _shown(
        "UPDATE payment SET refunded_at = NULL, refunded_by = NULL", "entry_without_source"
    ),
    "refund_deleted": _shown("DELETE FROM refund", "entry_disagrees", "entry_without_source"),
    "refund_without_entry": _shown(
        "UPDATE refund SET status = 'REFUNDED', refunded_at = now(), refunded_by = 'kim'"
        " WHERE status = 'DUE'",
        "entry_missing",
    ),
    "refund_altered": _shown(
        "UPDATE refund SET amount = 5000, refundable_amount = 5000 WHERE status = 'REFUNDED'",
        "entry_disagrees",
        "returned_too_much",
    ),
    "taken_back_hidden": _shown(
        "UPDATE payment SET taken_back_at = NULL, restored_at = NULL", "entry_without_source"
    ),
    "restored_hidden": _shown("UPDATE payment SET restored_at = NULL", "entry_without_source"),
    "restored_without_entry": _shown(
        "UPDATE payment SET restored_at = now() WHERE taken_back_at IS NOT NULL AND restored_at IS NULL",
        "entry_missing",
    ),
}
