"""Erasing one person from everything that this service keeps."""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.domain.erasure import Erasure, OperatorNote, Person, PersonalOrder, Traces

_PAGE_ORDERS = 20_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErasePersonCommand:
    """Whom to erase, with the operator's name and reason; unless it is confirmed, rows are only counted."""

    person: Person
    by: str
    reason: str
    is_confirmed: bool = False


class ErasePerson:
    """Erases a person's names, numbers and user's number, and keeps a record that names nobody.

    - Recipients are emptied. An alimtalk that waits is given up; of one that may have been sent, nobody asks
      any more whether it was. One that is being sent now is waited for: without the number, a look-up could
      not find it.
    - A user's number is replaced by a random negative one, the same in all rows: sums and rebuilds stay as
      they are, and monitoring that waits gets that number. A later order makes the person a new customer.
    - What operators wrote about these orders is cleaned of names and numbers, all else of the phone number.

    It may be repeated, and finds what came meanwhile: an order that arrives later is a new one. Consumers may
    run; analytics wait for a moment.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, is_patient: Callable[[], bool]) -> None:
        """``is_patient`` pauses while a message is being sent, and returns false to end the wait."""
        self._unit_of_work = unit_of_work
        self._is_patient = is_patient

    def __call__(self, command: ErasePersonCommand) -> Erasure:
        person = command.person
        orders = self._find(person)
        if not command.is_confirmed:
            with self._unit_of_work() as unit_of_work:
                return _counted(unit_of_work, person, orders, _notes_of(unit_of_work, person, orders))
        command = replace(command, reason=_traces(person, orders).removed_from(command.reason))
        erasure = self._erase(command, orders)
        while erasure.being_sent and self._is_patient():
            erasure = self._erase(command, orders)
        return erasure

    def _find(self, person: Person) -> Sequence[PersonalOrder]:
        """All orders are read: a number has many spellings, and an order that isn't counted no index."""
        found: list[PersonalOrder] = []
        last: UUID | None = None
        while True:
            # A transaction each: none of them holds up what the database cleans.
            with self._unit_of_work() as unit_of_work:
                page, last = unit_of_work.personal_data.orders(person, last, _PAGE_ORDERS)
            found += [order for order in page if person.is_in(order)]
            if last is None:
                return found

    def _erase(self, command: ErasePersonCommand, orders: Sequence[PersonalOrder]) -> Erasure:
        with self._unit_of_work() as unit_of_work:
            data = unit_of_work.personal_data
            person = command.person
            user_id = person.user_id
            if user_id is not None:
                # Nothing is counted until the commit: what was counted since the search is found now.
                if not unit_of_work.analytics.hold_in_time():
                    return _in_use(_counted(unit_of_work, person, orders, {}))
                orders = [*orders, *data.counted_orders(user_id, [order.event_id for order in orders])]
            event_ids = [order.event_id for order in orders]
            held = data.hold(event_ids, user_id)
            notes = _notes_of(unit_of_work, person, orders)
            counted = _counted(unit_of_work, person, orders, notes)
            if counted.is_empty:
                return replace(counted, is_done=True)
            if counted.being_sent or not held or not _clean(unit_of_work, notes, event_ids):
                return _in_use(counted)
            given_up = data.give_up(event_ids, by=command.by, reason=command.reason)
            data.erase_recipients(event_ids)
            if user_id is not None:
                data.rename_user(event_ids, user_id, -secrets.randbelow(2**62) - 1)
            erasure = replace(counted, given_up=given_up, is_done=True)
            data.record(erasure, by=command.by, reason=command.reason)
            unit_of_work.commit()
        _log.info(
            "person_erased",
            orders=erasure.orders,
            given_up=erasure.given_up,
            customers=erasure.customers,
            notes=erasure.notes,
            by=command.by,
            reason=command.reason,
        )
        return erasure


def _traces(person: Person, orders: Sequence[PersonalOrder]) -> Traces:
    return Traces(person, {order.recipient for order in orders if order.recipient is not None})


def _notes_of(
    unit_of_work: UnitOfWork, person: Person, orders: Sequence[PersonalOrder]
) -> Mapping[OperatorNote, str]:
    """What is to be left of each note that has something of the person."""
    traces = _traces(person, orders)
    notes = unit_of_work.personal_data.notes([order.event_id for order in orders])
    return {note: left for note in notes if (left := traces.cleaned(note)) != note.text}


def _clean(unit_of_work: UnitOfWork, notes: Mapping[OperatorNote, str], event_ids: Collection[UUID]) -> bool:
    """False if another transaction holds one of the rows, which may wait for the lock of analytics."""
    replace_note = unit_of_work.personal_data.replace_note
    return all(replace_note(note, left, event_ids) >= note.rows for note, left in notes.items())


def _in_use(counted: Erasure) -> Erasure:
    """Also for what another transaction is about to change or delete."""
    return replace(counted, being_sent=max(1, counted.being_sent))


def _counted(
    unit_of_work: UnitOfWork,
    person: Person,
    orders: Sequence[PersonalOrder],
    notes: Mapping[OperatorNote, str],
) -> Erasure:
    being_sent, waiting = unit_of_work.personal_data.unfinished([order.event_id for order in orders])
    customers = 0 if person.user_id is None else unit_of_work.personal_data.customers(person.user_id)
    users = frozenset(order.user_id for order in orders)
    rows = sum(note.rows for note in notes)
    return Erasure(len(orders), being_sent, waiting, customers, rows, users)
