"""The ledger: where the shop's money is, as double entries.

=====================  ===============================================================  ======
account                what is on it                                                    side
=====================  ===============================================================  ======
gateway:NAME/ACCOUNT   what a payment gateway has taken for the shop and not returned    debit
discounts              what buyers didn't pay of the prices of their items               debit
returns                what buyers are to get back of sales that were cancelled          debit
losses                 what a gateway no longer has, though the shop returned nothing    debit
sales                  the prices of the items of paid orders                            credit
refunds-payable        what the shop has to return                                       credit
returned-outside       what it has returned from elsewhere than the gateway              credit
=====================  ===============================================================  ======

A payment that pays for its order is a SALE. One that must be returned is a CHARGE_TO_RETURN, and cancelling
what was paid a CANCELLATION; for either, MONEY_RETURNED follows once the gateway has returned it. TAKEN_BACK
is what a gateway says by itself that it no longer has; what is returned after that lessens the losses, until
it says that it has the money again: the rest is RESTORED.

Debits are positive amounts, credits negative ones; those of an entry sum to 0 in each currency, and amounts
of 0 aren't posted. A payment or refund has one entry of a kind. The database's triggers write the entries,
whichever release or operator changes a payment. What is here derives them a second time, so that a fault of
either shows.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from order_service.domain.money import Money
from order_service.domain.payment import PaymentStatus

_DISCOUNTS, _RETURNS, _LOSSES, _SALES = "discounts", "returns", "losses", "sales"
_REFUNDS_PAYABLE, _OUTSIDE = "refunds-payable", "returned-outside"
_AT_GATEWAYS = "gateway:"


class EntryKind(StrEnum):
    """What an entry records; see above."""

    SALE = "SALE"
    CHARGE_TO_RETURN = "CHARGE_TO_RETURN"
    CANCELLATION = "CANCELLATION"
    MONEY_RETURNED = "MONEY_RETURNED"
    TAKEN_BACK = "TAKEN_BACK"
    RESTORED = "RESTORED"


Id = str
"""A UUID as text: parsing millions would take long."""
EntryKey = tuple[str, Id]
"""An entry's kind and the payment or refund that it records."""
Postings = Mapping[tuple[str, str], int]
"""Amounts by account and currency."""
Moment = int
"""In microseconds since 1970, as PostgreSQL keeps it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says, apart from when it was recorded."""

    order_id: Id
    occurred_at: Moment
    postings: Postings

    @property
    def at_gateways(self) -> Postings:
        """The postings to gateways' accounts."""
        return {key: amount for key, amount in self.postings.items() if key[0].startswith(_AT_GATEWAYS)}

    @property
    def is_balanced(self) -> bool:
        """Whether debits equal credits."""
        sums: dict[str, int] = {}
        for (_, currency), amount in self.postings.items():
            sums[currency] = sums.get(currency, 0) + amount
        return not any(sums.values())


@dataclass(frozen=True, slots=True)
class ReturnOfSale:
    """A refund of a payment that had paid for its order. ``returned_at`` is None until it is made."""

    refund_id: Id
    money: Money
    requested_at: Moment
    returned_at: Moment | None
    is_outside: bool = False
    """Whether it is returned from elsewhere, so that the gateway still has as much."""


@dataclass(frozen=True, slots=True)
class PaymentInBooks:
    """What is stored of a payment that took money. ``gross`` are the prices of its order's items.

    ``discount`` is what its order says that a coupon takes off them.
    """

    payment_id: Id
    order_id: Id
    status: PaymentStatus
    account: str
    requested: Money
    taken: Money
    approved_at: Moment
    order_total: Money
    gross: int
    discount: int
    returned_at: Moment | None
    """Of a REFUND_DUE payment."""
    taken_back_at: Moment | None
    returns: Sequence[ReturnOfSale]
    is_returned_outside: bool = False
    """A REFUND_DUE payment, as a ReturnOfSale may be."""
    is_order_completed: bool = True
    restored_at: Moment | None = None


def account_of(gateway: str, account: str | None) -> str:
    """The name of the account at a gateway; a former release stored none."""
    name = f"{_AT_GATEWAYS}{gateway}"
    return name if account is None else f"{name}/{account}"


def entries_of(
    payment: PaymentInBooks,
    *,
    returned_after: Set[Id],
    was_sale: bool,
    returned_since: Set[Id] = frozenset(),
) -> Mapping[EntryKey, Entry]:
    """The entries that a payment must have.

    Where it was taken back, the refunds ``returned_after`` were entered as returned later, and those
    ``returned_since`` once it was restored. What is to be returned ``was_sale`` where an operator has decided
    so.
    """
    own, held, taken = payment.payment_id, payment.account, payment.taken
    amount, currency = taken.amount, taken.currency
    found: dict[EntryKey, Entry] = {}

    def enter(kind: EntryKind, source_id: Id, at: Moment, currency: str, *posted: tuple[str, int]) -> None:
        postings = {(account, currency): amount for account, amount in posted if amount}
        found[kind, source_id] = Entry(payment.order_id, at, postings)

    is_due = payment.status is PaymentStatus.REFUND_DUE
    if was_sale or not is_due:
        gross, total = payment.gross, payment.order_total
        sale = ((held, total.amount), (_DISCOUNTS, gross - total.amount), (_SALES, -gross))
        enter(EntryKind.SALE, own, payment.approved_at, total.currency, *sale)
    if is_due:
        owed = ((_RETURNS if was_sale else held, amount), (_REFUNDS_PAYABLE, -amount))
        enter(EntryKind.CHARGE_TO_RETURN, own, payment.approved_at, currency, *owed)
        if payment.returned_at is not None:
            returned = (
                (_REFUNDS_PAYABLE, amount),
                (_OUTSIDE if payment.is_returned_outside else held, -amount),
            )
            enter(EntryKind.MONEY_RETURNED, own, payment.returned_at, currency, *returned)
        return found
    for each in payment.returns:
        part, unit = each.money.amount, each.money.currency
        owed = ((_RETURNS, part), (_REFUNDS_PAYABLE, -part))
        enter(EntryKind.CANCELLATION, each.refund_id, each.requested_at, unit, *owed)
        if each.returned_at is not None:
            from_gateway = _LOSSES if each.refund_id in returned_after else held
            returned = ((_REFUNDS_PAYABLE, part), (_OUTSIDE if each.is_outside else from_gateway, -part))
            enter(EntryKind.MONEY_RETURNED, each.refund_id, each.returned_at, unit, *returned)
    if payment.taken_back_at is not None:
        later = returned_after | returned_since
        lost = amount - sum(each.money.amount for each in _made(payment) if each.refund_id not in later)
        enter(EntryKind.TAKEN_BACK, own, payment.taken_back_at, currency, (_LOSSES, lost), (held, -lost))
        if payment.restored_at is not None:
            returned_meanwhile = sum(
                each.money.amount for each in _made(payment) if each.refund_id in returned_after
            )
            back = lost - returned_meanwhile
            enter(EntryKind.RESTORED, own, payment.restored_at, currency, (held, back), (_LOSSES, -back))
    return found


def _made(payment: PaymentInBooks) -> Iterator[ReturnOfSale]:
    """The returns that the gateway has made."""
    return (each for each in payment.returns if each.returned_at is not None and not each.is_outside)
