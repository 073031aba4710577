"""What may differ in the ledger, and between it and what it records."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum


class DifferenceKind(StrEnum):
    """What contradicts what. The ids that are reported with each are those that the text names first."""

    CHAIN_CUT = "chain_cut"
    SEAL_MISSING = "seal_missing"
    SEAL_WRONG = "seal_wrong"
    KNOWN_SEAL_MISSING = "known_seal_missing"
    HOUR_NOT_SEALED = "hour_not_sealed"
    ENTRY_BEFORE_CHAIN = "entry_before_chain"
    ENTRY_MISSING = "entry_missing"
    ENTRY_DISAGREES = "entry_disagrees"
    ENTRY_WITHOUT_SOURCE = "entry_without_source"
    ENTRY_TWICE = "entry_twice"
    ENTRY_UNBALANCED = "entry_unbalanced"
    POSTING_WITHOUT_ENTRY = "posting_without_entry"
    PAYMENT_DISAGREES = "payment_disagrees"
    DISCOUNT_DISAGREES = "discount_disagrees"
    RETURNED_TOO_MUCH = "returned_too_much"
    GATEWAY_OVERDRAWN = "gateway_overdrawn"
    ORDER_WITHOUT_PAYMENT = "order_without_payment"
    PAYMENT_WITHOUT_COMPLETED_ORDER = "payment_without_completed_order"
    GATEWAY_DISAGREES = "gateway_disagrees"


DESCRIPTIONS: Mapping[DifferenceKind, str] = {
    DifferenceKind.CHAIN_CUT: "hours are the first that have a seal, and the chain began earlier",
    DifferenceKind.SEAL_MISSING: "hours have no seal, and later ones have",
    DifferenceKind.SEAL_WRONG: "hours have another seal than their entries and the seal before give",
    DifferenceKind.KNOWN_SEAL_MISSING: "seals that were kept elsewhere are not in the chain",
    DifferenceKind.HOUR_NOT_SEALED: "hours ended long ago, and are not sealed",
    DifferenceKind.ENTRY_BEFORE_CHAIN: "entries are recorded in hours before the chain's first",
    DifferenceKind.ENTRY_MISSING: "payments and refunds lack an entry",
    DifferenceKind.ENTRY_DISAGREES: "entries say otherwise than the payment, refund or order",
    DifferenceKind.ENTRY_WITHOUT_SOURCE: "entries record what no payment or refund says",
    DifferenceKind.ENTRY_TWICE: "entries record what an earlier one has recorded",
    DifferenceKind.ENTRY_UNBALANCED: "entries have other debits than credits",
    DifferenceKind.POSTING_WITHOUT_ENTRY: "entries are missing, and their postings are there",
    DifferenceKind.PAYMENT_DISAGREES: "payments are of another amount or currency than their order",
    DifferenceKind.DISCOUNT_DISAGREES: "orders have another total than their prices less the discount",
    DifferenceKind.RETURNED_TOO_MUCH: "payments had more returned than was taken",
    DifferenceKind.GATEWAY_OVERDRAWN: "payments have taken more from their gateway's account than is on it",
    DifferenceKind.ORDER_WITHOUT_PAYMENT: "orders are completed, and no approved payment is theirs",
    DifferenceKind.PAYMENT_WITHOUT_COMPLETED_ORDER: "payments are approved, and their order isn't completed",
    DifferenceKind.GATEWAY_DISAGREES: "payments are worth another amount at their gateway",
}


class LedgerFindings:
    """Counts each kind of difference as a whole, and keeps the first ids of each."""

    def __init__(self, max_ids: int) -> None:
        self._max_ids = max_ids
        self.counts: Counter[DifferenceKind] = Counter()
        self.ids: dict[DifferenceKind, list[str]] = {}
        self.compared: Counter[str] = Counter()
        """How many of each thing were looked at."""
        self.debits: Counter[str] = Counter()
        """By currency, in minor units."""
        self.credits: Counter[str] = Counter()
        self.unanswered: list[str] = []
        """Payments that their gateway said nothing of: not compared."""

    def add(self, kind: DifferenceKind, identity: object) -> None:
        self.counts[kind] += 1
        ids = self.ids.setdefault(kind, [])
        if len(ids) < self._max_ids:
            ids.append(str(identity))
