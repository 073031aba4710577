"""Sealing the ledger's hours, each once it has all of its entries."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from order_service.application.ports import LedgerSeals, ReportUnsealed, UnitOfWorkFactory
from order_service.domain.ledger_seal import GRACE, HOUR, Seal, named, seal_after

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Horizon:
    """Transactions below ``number`` may have got theirs before ``at``; all others got theirs later."""

    at: datetime
    number: int


class SealLedger:
    """Seals one hour at a time, the oldest first; several processes may do this at once.

    An entry gets its time after its transaction's number. So an hour has all of its entries once all
    transactions have ended that had a number after the hour's end, though they commit in any order: until
    then nothing is sealed.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, report: ReportUnsealed) -> None:
        self._unit_of_work = unit_of_work
        self._report = report
        self._horizon: _Horizon | None = None

    def __call__(self) -> bool:
        """Whether an hour was sealed."""
        with self._unit_of_work() as unit_of_work:
            seals, now = unit_of_work.ledger_seals, unit_of_work.now()
            last = seals.last()
            self._report(last.ends_at + HOUR)
            if now < _ripe_at(last):
                self._horizon = None
                return False
            if not self._is_past_horizon(seals, now, last):
                return False
            # Another process may have sealed the hour meanwhile, or be about to.
            held = seals.held()
            if held is None or held.hour != last.hour:
                return False
            seal = seal_after(held, seals.lines(held.ends_at))
            seals.add(seal)
            unit_of_work.commit()
        # A digest that is kept in the logs shows whether the chain was made anew.
        _log.info("ledger_hour_sealed", hour=named(seal.hour), entries=seal.entries, digest=seal.digest.hex())
        return True

    def _is_past_horizon(self, seals: LedgerSeals, now: datetime, last: Seal) -> bool:
        """Whether all transactions have ended that could still write into the hour after ``last``'s."""
        # After `now` was read: a transaction that isn't numbered yet gets a later time.
        number = seals.own_number()
        horizon = self._horizon
        # A restored database counts anew.
        if horizon is None or horizon.at < _ripe_at(last) or number < horizon.number:
            horizon = self._horizon = _Horizon(now, number)
        return seals.oldest_number() >= horizon.number


def _ripe_at(last: Seal) -> datetime:
    """When the hour after a seal's may be sealed at the earliest."""
    return last.ends_at + HOUR + GRACE
