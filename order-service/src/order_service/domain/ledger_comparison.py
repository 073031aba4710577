"""A payment's entries, compared with what they record."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from order_service.domain.ledger import Entry, EntryKey, EntryKind, Id, PaymentInBooks, entries_of
from order_service.domain.ledger_differences import DifferenceKind
from order_service.domain.payment import PaymentStatus


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """A stored entry. Of two entries of a payment, the one with the lesser id was first."""

    entry_id: int
    key: EntryKey
    entry: Entry


@dataclass(frozen=True, slots=True)
class PaymentWithEntries:
    """Everything of one payment. ``payment`` is None where none that took money is stored."""

    payment_id: Id
    payment: PaymentInBooks | None
    entries: Sequence[FoundEntry]


Difference = tuple[DifferenceKind, object]
"""With the id of what is different."""


def differences(found: PaymentWithEntries) -> Iterator[Difference]:
    """What contradicts what; nothing where all entries are there, and no other."""
    entries: dict[EntryKey, FoundEntry] = {}
    in_order = sorted(found.entries, key=_entry_id) if len(found.entries) > 1 else found.entries
    for each in in_order:
        if not each.entry.is_balanced:
            yield DifferenceKind.ENTRY_UNBALANCED, each.entry_id
        if entries.setdefault(each.key, each) is not each:
            yield DifferenceKind.ENTRY_TWICE, each.entry_id
    payment = found.payment
    if payment is not None:
        yield from _of_payment(payment)
        was_sale = (EntryKind.SALE, payment.payment_id) in entries
        later, since = _returned_later(payment, entries)
        expected_entries = entries_of(payment, returned_after=later, returned_since=since, was_sale=was_sale)
        for key, expected in expected_entries.items():
            stored = entries.pop(key, None)
            if stored is None:
                yield DifferenceKind.ENTRY_MISSING, f"{key[0]} {key[1]}"
            elif stored.entry != expected:
                yield DifferenceKind.ENTRY_DISAGREES, stored.entry_id
    for each in entries.values():
        yield DifferenceKind.ENTRY_WITHOUT_SOURCE, each.entry_id
    if _is_overdrawn(found.entries):
        yield DifferenceKind.GATEWAY_OVERDRAWN, found.payment_id


def _entry_id(stored: FoundEntry) -> int:
    return stored.entry_id


def _of_payment(payment: PaymentInBooks) -> Iterator[Difference]:
    if payment.requested != payment.order_total:
        yield DifferenceKind.PAYMENT_DISAGREES, payment.payment_id
    if payment.order_total.amount + payment.discount != payment.gross:
        yield DifferenceKind.DISCOUNT_DISAGREES, payment.order_id
    if payment.status is PaymentStatus.APPROVED and not payment.is_order_completed:
        yield DifferenceKind.PAYMENT_WITHOUT_COMPLETED_ORDER, payment.payment_id
    if sum(each.money.amount for each in payment.returns) > payment.taken.amount:
        yield DifferenceKind.RETURNED_TOO_MUCH, payment.payment_id


def _returned_later(
    payment: PaymentInBooks, entries: Mapping[EntryKey, FoundEntry]
) -> tuple[Set[Id], Set[Id]]:
    """What was returned while the money was lost, and once it was restored."""
    while_lost, restored_since = set[Id](), set[Id]()
    taken_back = entries.get((EntryKind.TAKEN_BACK, payment.payment_id))
    restored = entries.get((EntryKind.RESTORED, payment.payment_id))
    if taken_back is not None:
        for each in payment.returns:
            entry = entries.get((EntryKind.MONEY_RETURNED, each.refund_id))
            if entry is None or entry.entry_id < taken_back.entry_id:
                continue
            is_since = restored is not None and entry.entry_id > restored.entry_id
            (restored_since if is_since else while_lost).add(each.refund_id)
    return while_lost, restored_since


def _is_overdrawn(entries: Sequence[FoundEntry]) -> bool:
    sums: dict[tuple[str, str], int] = {}
    for stored in entries:
        for account, amount in stored.entry.at_gateways.items():
            sums[account] = sums.get(account, 0) + amount
    return any(amount < 0 for amount in sums.values())
