"""What webhooks say of payments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from order_service.domain.payment import Payment
from order_service.domain.payment_hint import PaymentHint, ReportedChange

SETTLED_LOOK_UP_INTERVAL = timedelta(minutes=1)
"""At most one look-up of a settled payment in this time: anyone who knows one could cause them for ever."""

LAST_UNPAID = 6
"""So often a payment that is reported as paid is shown as unpaid until that is believed: a look-up may show a
change later than the webhook."""


@dataclass(frozen=True, slots=True)
class ClaimedHint:
    """A hinted payment as it was ``at``, that its claimer asks about for now, for the ``number``-th time.

    The money was reported as paid, as returned, as both or as neither. It ``is_taken_back`` if its gateway no
    longer has it, as far as is known.
    """

    payment: Payment
    number: int
    at: datetime
    is_paid: bool
    is_returned: bool
    is_taken_back: bool


class PaymentHints(Protocol):
    """The payments that a webhook gave a reason to ask about, each once, however many webhooks there were."""

    def note(self, gateway: str, hint: PaymentHint) -> int:
        """Make the payments due that the hint says something new of. Returns their number.

        A settled one that is said to be paid is asked about as often as if that were the first hint.

        Takes a second at most, and locks no payment: it waits for no other use of it.
        """
        ...

    def claim(self, accounts: Mapping[str, str], lease: timedelta) -> ClaimedHint | None:
        """The hinted payment of ``accounts`` that has been due for longest, of the unsettled ones first.

        Once the caller commits, no other one gets it for as long as ``lease``, unless another hint comes.
        Nobody may look a payment up within a second of its last look-up, of a settled one within a minute.
        """
        ...

    def postpone(self, claimed: ClaimedHint, pause: timedelta) -> None:
        """Make it due again after ``pause``, unless another hint came in the meantime."""
        ...

    def count_contradiction(self, payment_id: UUID, change: ReportedChange, pause: timedelta) -> int:
        """How often the payment's gateway has said, with this time, that its money is gone, or is back.

        Without a hint it gets one, as if a webhook had said so, that is due after ``pause``.
        """
        ...

    def forget_contradictions(self, payment_id: UUID) -> None:
        """They are recorded, or the gateway has taken them back: others are counted from now on."""
        ...

    def drop(self, claimed: ClaimedHint) -> None:
        """Forget the hints that came before the gateway was asked."""
        ...

    def drop_known(self, limit: int) -> int:
        """Forget so many due hints of what is known by now. Returns their number."""
        ...


WebhookParser = Callable[[Mapping[str, str], bytes], PaymentHint | None]
"""Reads a gateway's webhook: its headers, whose names are lower case, and its body.

None if it says nothing of a payment of this shop. Raises ForgedWebhook and MalformedWebhook.
"""
