"""Erasing one person: by whom they are known here, what holds something of them, and what is left."""

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from notification_service.domain.errors import NoPhoneNumber
from notification_service.domain.order_event import Recipient
from notification_service.domain.phone_number import PhoneNumber

_REMOVED = "[removed]"
# Shorter ones stand in many words, and shorter numbers of users in many sentences.
_SHORTEST_NAME = 2
_SHORTEST_USER_ID = 4


@dataclass(frozen=True, slots=True)
class Person:
    """Someone by a phone number, a user's number, or both.

    The user who ordered need not be the recipient: neither is derived from the other.
    """

    phone: PhoneNumber | None = None
    user_id: int | None = None

    def is_in(self, order: "PersonalOrder") -> bool:
        """Whether the order is this user's, or was to be notified to this number."""
        if self.user_id is not None and order.user_id == self.user_id:
            return True
        recipient = order.recipient
        return self.phone is not None and recipient is not None and self.phone.is_in(recipient.phone)


@dataclass(frozen=True, slots=True)
class PersonalOrder:
    """What an order says about people; ``recipient`` is None once erased."""

    event_id: UUID
    user_id: int
    recipient: Recipient | None


@dataclass(frozen=True, slots=True)
class OperatorNote:
    """What operators wrote at ``place``, in so many rows; ``is_own`` if it is about the person's orders.

    Or what a provider answered about another's order: former releases kept that.
    """

    place: str
    text: str
    rows: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class Traces:
    """What a person is recognised by in what operators and providers wrote."""

    person: Person
    recipients: Collection[Recipient]

    def cleaned(self, note: OperatorNote) -> str:
        """What is left of a note.

        In one that isn't the person's own, a name may be another word, and digits another number's.
        """
        if note.is_own:
            return self.removed_from(note.text)
        phone = self.person.phone
        return note.text if phone is None else phone.removed_from(note.text, _REMOVED)

    def removed_from(self, note: str) -> str:
        """``note`` without the person's names, numbers and, if it is long enough to be one, user's number."""
        # Whole numbers before what is left of a number in other groups.
        phones = self._phones()
        for phone in phones:
            note = phone.removed_from(note, _REMOVED)
        for phone in phones:
            note = Recipient("", phone.international).removed_from(note)
        recipients = [each for each in self.recipients if len(each.name) >= _SHORTEST_NAME]
        # Longer names first, which may hold a shorter one.
        for recipient in sorted(recipients, key=lambda each: -len(each.name)):
            note = recipient.removed_from(note)
        user_id = str(self.person.user_id or "")
        if len(user_id) >= _SHORTEST_USER_ID:
            note = re.sub(rf"(?<!\d){user_id}(?!\d)", _REMOVED, note)
        return note

    def _phones(self) -> Collection[PhoneNumber]:
        phones = [] if self.person.phone is None else [self.person.phone]
        for recipient in self.recipients:
            # A field that holds more than a number is removed as it is.
            with suppress(NoPhoneNumber):
                phones.append(PhoneNumber.of(recipient.phone))
        return dict.fromkeys(phones)


@dataclass(frozen=True, slots=True)
class Erasure:
    """How many rows hold something of a person, or held it until they were erased.

    ``being_sent`` are messages that a process sends at this moment; nothing is erased meanwhile. ``users``
    are those whose orders these are.
    """

    orders: int
    being_sent: int
    given_up: int
    customers: int
    notes: int
    users: frozenset[int]
    is_done: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.orders or self.customers or self.notes)
