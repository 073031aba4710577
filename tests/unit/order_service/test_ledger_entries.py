"""A payment's entries balance, and any other entries than these are a difference."""

from collections.abc import Callable, Mapping, Set
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from order_service.domain.ledger import (
    Entry,
    EntryKey,
    PaymentInBooks,
    ReturnOfSale,
    account_of,
    entries_of,
)
from order_service.domain.ledger_comparison import FoundEntry, PaymentWithEntries, differences
from order_service.domain.ledger_differences import DifferenceKind
from order_service.domain.money import Money
from order_service.domain.payment import PaymentStatus

pytestmark = pytest.mark.unit

amounts = st.integers(0, 2**53 - 1)
moments = st.integers(0, 2**52)
OWN, ORDER = "payment-1", "order-1"


@st.composite
def payments(draw: st.DrawFn) -> PaymentInBooks:
    gross = draw(amounts)
    total = Money(draw(st.integers(0, gross)), "KRW")
    is_due = draw(st.booleans())
    other = Money(draw(amounts), "USD")
    taken_back_at = None if is_due else draw(st.none() | moments)
    parts = [] if is_due else draw(st.lists(st.integers(0, total.amount // 3), max_size=3))
    return PaymentInBooks(
        payment_id=OWN,
        order_id=ORDER,
        status=PaymentStatus.REFUND_DUE if is_due else PaymentStatus.APPROVED,
        account=account_of("toss", draw(st.sampled_from(["shop-1", None]))),
        requested=total,
        taken=other if is_due and draw(st.booleans()) else total,
        approved_at=draw(moments),
        order_total=total,
        gross=gross,
        discount=gross - total.amount,
        returned_at=draw(st.none() | moments) if is_due else None,
        taken_back_at=taken_back_at,
        restored_at=None if taken_back_at is None else draw(st.none() | moments),
        returns=[
            ReturnOfSale(
                f"refund-{number}",
                Money(part, "KRW"),
                draw(moments),
                draw(st.none() | moments),
                is_outside=draw(st.booleans()),
            )
            for number, part in enumerate(parts)
        ],
        is_returned_outside=draw(st.booleans()),
    )


def with_entries(
    payment: PaymentInBooks,
    *,
    was_sale: bool = False,
    returned_after: Set[str] = frozenset(),
    returned_since: Set[str] = frozenset(),
) -> PaymentWithEntries:
    """The entries in the order in which they are made."""
    expected = entries_of(
        payment, returned_after=returned_after, returned_since=returned_since, was_sale=was_sale
    )

    def place(key: EntryKey) -> int:
        if key[0] == "RESTORED":
            return 2
        is_return = key[0] == "MONEY_RETURNED"
        return 3 if is_return and key[1] in returned_since else int(is_return and key[1] in returned_after)

    keys = sorted(expected, key=place)
    entries = [FoundEntry(number, key, expected[key]) for number, key in enumerate(keys, 1)]
    return PaymentWithEntries(payment.payment_id, payment, entries)


@given(
    payments(),
    st.booleans(),
    st.dictionaries(st.sampled_from(["refund-0", "refund-1", "refund-2"]), st.booleans()),
)
def test_entries_balance_and_agree(
    payment: PaymentInBooks, was_sale: bool, later: Mapping[str, bool]
) -> None:
    # A sale is what its order costs.
    was_sale &= payment.taken == payment.order_total
    is_taken_back, is_restored = payment.taken_back_at is not None, payment.restored_at is not None
    found = with_entries(
        payment,
        was_sale=was_sale,
        returned_after={each for each, is_since in later.items() if is_taken_back and not is_since},
        returned_since={each for each, is_since in later.items() if is_restored and is_since},
    )
    assert all(stored.entry.is_balanced for stored in found.entries)
    assert list(differences(found)) == []


CHANGES: dict[str, Callable[[FoundEntry], FoundEntry]] = {
    "order": lambda stored: replace(stored, entry=replace(stored.entry, order_id="order-2")),
    "time": lambda stored: replace(stored, entry=replace(stored.entry, occurred_at=-1)),
    "postings": lambda stored: replace(
        stored,
        entry=replace(stored.entry, postings={**stored.entry.postings, ("a", "KRW"): 1, ("b", "KRW"): -1}),
    ),
}


@given(payments(), st.sampled_from(sorted(CHANGES)), st.integers(0, 20))
def test_an_entry_that_says_otherwise_disagrees(payment: PaymentInBooks, change: str, which: int) -> None:
    found = with_entries(payment)
    entries = list(found.entries)
    which %= len(entries)
    entries[which] = CHANGES[change](entries[which])
    assert list(differences(replace(found, entries=entries))) == [
        (DifferenceKind.ENTRY_DISAGREES, entries[which].entry_id)
    ]


@given(payments(), st.integers(0, 20))
def test_one_entry_more_or_less_is_found(payment: PaymentInBooks, which: int) -> None:
    found = with_entries(payment)
    stored = found.entries[which % len(found.entries)]
    twice = replace(found, entries=[*found.entries, replace(stored, entry_id=99)])
    assert next(differences(twice)) == (DifferenceKind.ENTRY_TWICE, 99)
    foreign = replace(
        found, entries=[*found.entries, replace(stored, entry_id=99, key=("SALE", "payment-2"))]
    )
    assert (DifferenceKind.ENTRY_WITHOUT_SOURCE, 99) in differences(foreign)
    without = replace(found, entries=[each for each in found.entries if each is not stored])
    assert DifferenceKind.ENTRY_MISSING in {kind for kind, _ in differences(without)}


def test_a_gateway_that_gave_more_than_it_took_is_overdrawn() -> None:
    postings = {("gateway:toss/shop-1", "KRW"): -1, ("losses", "KRW"): 1}
    found = PaymentWithEntries(OWN, None, [FoundEntry(1, ("TAKEN_BACK", OWN), Entry(ORDER, 0, postings))])
    assert (DifferenceKind.GATEWAY_OVERDRAWN, OWN) in differences(found)


@given(payments())
def test_entries_of_a_payment_that_is_gone_have_no_source(payment: PaymentInBooks) -> None:
    found = replace(with_entries(payment), payment=None)
    kinds = [kind for kind, _ in differences(found)]
    assert kinds == [DifferenceKind.ENTRY_WITHOUT_SOURCE] * len(found.entries)
