"""What is kept about people, and how they are erased."""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from notification_service.domain.erasure import Erasure, OperatorNote, Person, PersonalOrder


class PersonalData(Protocol):
    """What is kept about people, wherever it is."""

    def orders(
        self, person: Person, after: UUID | None, limit: int
    ) -> tuple[Sequence[PersonalOrder], UUID | None]:
        """Orders that may be the person's, of at most ``limit`` behind ``after`` in the order of their ids.

        Also the last one of these, behind which there may be more; None if there are none.
        """
        ...

    def counted_orders(self, user_id: int, apart_from: Collection[UUID]) -> Sequence[PersonalOrder]:
        """The user's orders that are counted."""
        ...

    def unfinished(self, event_ids: Collection[UUID]) -> tuple[int, int]:
        """How many alimtalks of these events are being sent now, and how many wait."""
        ...

    def customers(self, user_id: int) -> int:
        """1 if the user is a known customer, or 0."""
        ...

    def hold(self, event_ids: Collection[UUID], user_id: int | None) -> bool:
        """Hold their rows until the transaction ends; false if another transaction holds one of them."""
        ...

    def give_up(self, event_ids: Collection[UUID], *, by: str, reason: str) -> int:
        """Give up the alimtalks of these events that wait; returns how many."""
        ...

    def erase_recipients(self, event_ids: Collection[UUID]) -> None:
        """Empty the recipients of these orders, and what receivers replied about them."""
        ...

    def rename_user(self, event_ids: Collection[UUID], user_id: int, pseudonym: int) -> None:
        """Replace the user's number in these orders and in all that analytics keeps."""
        ...

    def notes(self, event_ids: Collection[UUID]) -> Sequence[OperatorNote]:
        """All that operators wrote, each text of a place once; these events' own notes apart."""
        ...

    def replace_note(self, note: OperatorNote, cleaned: str, event_ids: Collection[UUID]) -> int:
        """Replace it wherever it stands at its place; returns in how many rows.

        Rows that another transaction holds are left.
        """
        ...

    def record(self, erasure: Erasure, *, by: str, reason: str) -> None:
        """Store that someone was erased, and how many rows that concerned."""
        ...
