"""The sealed ledger. Its entries are written by the database, with what they record."""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from order_service.domain.ledger_balance import GatewayBalance, UntakenPayment
from order_service.domain.ledger_comparison import PaymentWithEntries
from order_service.domain.ledger_seal import Seal


class LedgerSeals(Protocol):
    """The seals of the ledger's hours."""

    def last(self) -> Seal: ...

    def held(self) -> Seal | None:
        """The last one, held until the transaction ends; None while another process holds it."""
        ...

    def own_number(self) -> int:
        """This transaction's. Those that get theirs later get greater ones."""
        ...

    def oldest_number(self) -> int:
        """Of the transactions that have one and are under way now; this one may be among them."""
        ...

    def lines(self, hour: datetime) -> Iterable[str]:
        """The entries that were recorded in the hour from ``hour`` on, as a seal takes them."""
        ...

    def add(self, seal: Seal) -> None:
        """Does nothing where the hour has one."""
        ...


ReportUnsealed = Callable[[datetime], None]
"""When the first hour without a seal ends, or has ended."""


@dataclass(frozen=True, slots=True)
class Period:
    """From the hour ``begins`` on until before the hour ``ends``; None is open."""

    begins: datetime | None = None
    ends: datetime | None = None

    @property
    def is_all(self) -> bool:
        return self.begins is None and self.ends is None

    def holds(self, moment: datetime) -> bool:
        return (self.begins is None or self.begins <= moment) and (self.ends is None or moment < self.ends)


class LedgerFacts(Protocol):
    """What is stored, in streams: none of it is held in memory as a whole."""

    def seals(self) -> Generator[Seal, None, None]:
        """From the first one on."""
        ...

    def sealed_lines(self, period: Period) -> Generator[tuple[datetime, str], None, None]:
        """The hours and entries, as seals take them, in their order."""
        ...

    def entries_before(self, hour: datetime) -> Iterator[int]: ...

    def payments(self, period: Period) -> Iterator[PaymentWithEntries]:
        """Those that took money, or have an entry: within the period."""
        ...

    def postings_without_entry(self) -> Iterator[int]: ...

    def orders_without_payment(self, period: Period) -> Iterator[UUID]: ...

    def now(self) -> datetime: ...


class GatewayBalances(Protocol):
    """What payments are worth at their gateways, by the ledger."""

    def balances(self, period: Period) -> Iterator[GatewayBalance]:
        """Of the payments that took money; a page in a transaction, since gateways take their time."""
        ...

    def untaken(self, period: Period) -> Iterator[UntakenPayment]:
        """Those that were declined or given up, a page in a transaction.

        Without those whose charge the gateway would show as another payment's of the order.
        """
        ...

    def is_untaken(self, payment_id: UUID) -> bool:
        """Whether it still is, as it is now."""
        ...

    def balance(self, payment_id: UUID) -> GatewayBalance | None:
        """As it is now; None where the payment is gone."""
        ...
