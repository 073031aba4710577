"""Comparing the ledger with its seals and with what it records."""

from collections.abc import Iterator, Set
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from order_service.application.ports import LedgerFacts, Period
from order_service.domain.ledger_comparison import PaymentWithEntries, differences
from order_service.domain.ledger_differences import DifferenceKind, LedgerFindings
from order_service.domain.ledger_seal import HOUR, Seal, hour_of, named, seal_after

SEALED_WITHIN = timedelta(hours=2)
"""After an hour's end. Later, nobody seals it."""


@dataclass(frozen=True, slots=True)
class VerifyLedgerCommand:
    """``known_digests`` of seals were kept elsewhere; ``max_ids`` of each kind of difference are reported."""

    period: Period = field(default_factory=Period)
    known_digests: Set[bytes] = frozenset()
    max_ids: int = 20


class VerifyLedger:
    """Recomputes the seals, and compares entries with payments, refunds and orders, both ways."""

    def __init__(self, facts: LedgerFacts) -> None:
        self._facts = facts

    def __call__(self, command: VerifyLedgerCommand) -> LedgerFindings:
        """Changes nothing. What others write meanwhile makes no difference."""
        findings = LedgerFindings(command.max_ids)
        self._check_chain(command, findings)
        for found in self._facts.payments(command.period):
            findings.compared["payments"] += found.payment is not None
            _add_up(found, findings)
            for kind, identity in differences(found):
                findings.add(kind, identity)
        for entry_id in self._facts.postings_without_entry():
            findings.add(DifferenceKind.POSTING_WITHOUT_ENTRY, entry_id)
        for order_id in self._facts.orders_without_payment(command.period):
            findings.add(DifferenceKind.ORDER_WITHOUT_PAYMENT, order_id)
        return findings

    def _check_chain(self, command: VerifyLedgerCommand, findings: LedgerFindings) -> None:
        with (
            # Both are read on demand. The seals first: the entries of their hours were all there then.
            closing(self._facts.seals()) as seals,
            closing(self._facts.sealed_lines(command.period)) as lines,
        ):
            first = next(seals, None)
            if first is None:
                findings.add(DifferenceKind.CHAIN_CUT, "all")
                return
            last = self._check_seals(first, seals, _Hours(lines), command, findings)
        if not first.is_first:
            findings.add(DifferenceKind.CHAIN_CUT, named(first.hour))
        for entry_id in self._facts.entries_before(first.ends_at):
            findings.add(DifferenceKind.ENTRY_BEFORE_CHAIN, entry_id)
        overdue, now = last.ends_at, self._facts.now()
        while overdue + HOUR + SEALED_WITHIN <= now:
            findings.add(DifferenceKind.HOUR_NOT_SEALED, named(overdue))
            overdue += HOUR

    def _check_seals(
        self,
        first: Seal,
        seals: Iterator[Seal],
        hours: "_Hours",
        command: VerifyLedgerCommand,
        findings: LedgerFindings,
    ) -> Seal:
        """Returns the last one."""
        unknown = command.known_digests - {first.digest}
        former = first
        for seal in seals:
            unknown -= {seal.digest}
            if command.period.holds(seal.hour):
                self._check_seal(former, seal, hours, findings)
            former = seal
        for digest in sorted(unknown):
            findings.add(DifferenceKind.KNOWN_SEAL_MISSING, digest.hex())
        return former

    def _check_seal(self, former: Seal, seal: Seal, hours: "_Hours", findings: LedgerFindings) -> None:
        findings.compared["hours"] += 1
        if former.ends_at < seal.hour:
            for number in range((seal.hour - former.ends_at) // HOUR):
                findings.add(DifferenceKind.SEAL_MISSING, named(former.ends_at + number * HOUR))
            # What its digest was made with is gone.
            return
        expected = seal_after(former, hours.lines(seal.hour))
        findings.compared["sealed entries"] += expected.entries
        if expected != seal:
            findings.add(DifferenceKind.SEAL_WRONG, named(seal.hour))


class _Hours:
    """The entries of hours that are asked for in their order."""

    def __init__(self, lines: Iterator[tuple[datetime, str]]) -> None:
        self._groups = groupby(lines, key=lambda line: hour_of(line[0]))
        self._next = next(self._groups, None)

    def lines(self, hour: datetime) -> Iterator[str]:
        while self._next is not None and self._next[0] < hour:
            self._next = next(self._groups, None)
        if self._next is not None and self._next[0] == hour:
            for _, line in self._next[1]:
                yield line
            self._next = next(self._groups, None)


def _add_up(found: PaymentWithEntries, findings: LedgerFindings) -> None:
    findings.compared["entries"] += len(found.entries)
    for stored in found.entries:
        for (_, currency), amount in stored.entry.postings.items():
            if amount > 0:
                findings.debits[currency] += amount
            else:
                findings.credits[currency] -= amount
