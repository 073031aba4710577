"""The stored deliveries, the claims on them, and their history."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from notification_service.domain.attempt import Outcome
from notification_service.domain.attempt_history import Attempt
from notification_service.domain.claim_reach import EVERYTHING, ClaimReach
from notification_service.domain.delivery import ClaimedDelivery, Delivery, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.notification_figures import DeliveryFigures
from notification_service.domain.order_event import OrderEvent


class Deliveries(Protocol):
    """The stored deliveries. Times are the database's."""

    def add_for_all(
        self,
        orders: Sequence[OrderEvent],
        effects: Collection[Effect],
        template_of: Callable[[OrderEvent], str | None],
    ) -> None:
        """Store one delivery for each of ``effects`` of each order, due at once.

        ``template_of`` returns the code of the template of an order's alimtalk.
        """
        ...

    def of_order(self, order_id: UUID) -> Sequence[Delivery]:
        """The order's deliveries by event and effect; events are sorted by age, the oldest first."""
        ...

    def get(self, delivery_id: UUID) -> Delivery | None: ...

    def lock(self, delivery_id: UUID) -> Delivery | None:
        """Like :meth:`get`, held until the transaction ends."""
        ...

    def lock_selected(self, selection: DeliverySelection, *, limit: int) -> Sequence[UUID]:
        """What is selected, at most ``limit``, held until the transaction ends."""
        ...

    def find(self, selection: DeliverySelection, *, limit: int, after: UUID | None) -> Sequence[Delivery]:
        """What is selected by id, which is by age: at most ``limit``, behind ``after``."""
        ...

    def count(self, selection: DeliverySelection) -> int: ...

    def retry(
        self,
        selection: DeliverySelection,
        *,
        by: str,
        reason: str,
        at: datetime | None = None,
        used_providers: Collection[str] = (),
    ) -> int:
        """Make what is selected, and may be retried, due again, now or ``at``; returns how many.

        Leaves alimtalk whose recipient was erased. What :meth:`at_removed_providers` counts is free to be
        sent by any provider.
        """
        ...

    def at_removed_providers(
        self, selection: DeliverySelection, used_providers: Collection[str]
    ) -> Mapping[str, int]:
        """How much of what is selected each provider may have that isn't one of ``used_providers``.

        Nothing without ``used_providers``: no consumer runs then, and none has been removed for certain.
        """
        ...

    def give_up(
        self, selection: DeliverySelection, *, by: str, reason: str, at: datetime | None = None
    ) -> int:
        """Give up what is selected, and may be given up, now or ``at``; returns how many."""
        ...

    def figures(self) -> DeliveryFigures:
        """How many deliveries need an operator's attention."""
        ...

    def lock_due(
        self, effect: Effect, limit: int, among: Collection[UUID] = ()
    ) -> Sequence[tuple[UUID, UUID]]:
        """Ids and events of due deliveries, at most ``limit``, held until the transaction ends.

        Skips what another transaction holds, and all but ``among`` unless that is empty.
        """
        ...

    def postpone(self, delivery_ids: Iterable[UUID], pause_seconds: float) -> None:
        """Make those of these deliveries that are due, and were tried in vain, due after the pause."""
        ...

    def complete(self, delivery_ids: Iterable[UUID]) -> None:
        """Mark deliveries that :meth:`lock_due` returned as delivered, and count one attempt."""
        ...


class Claims(Protocol):
    """Claims on deliveries: leases that expire by the database's clock."""

    def claim(
        self,
        effect: Effect,
        limit: int,
        lease_seconds: float,
        provider: str,
        held_templates: Collection[str] = (),
        *,
        sends_only: bool = False,
        reach: ClaimReach = EVERYTHING,
    ) -> Sequence[ClaimedDelivery]:
        """Claim due deliveries within ``reach``, at most ``limit``; concurrent claimants get different ones.

        With ``sends_only``, none that has to be looked up.

        Each claim begins an attempt in the delivery's history; ``provider`` is the one that would be sent to.
        What waits for one of ``held_templates`` already is left alone.
        """
        ...

    def is_any_look_up_due(self, provider: str) -> bool:
        """Whether ``provider`` may have to be asked, now or later, before an alimtalk is sent by any."""
        ...

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Record the outcomes, except of deliveries that another claimant has claimed since.

        An attempt that was not made leaves the history.
        """
        ...


class Attempts(Protocol):
    """The history of deliveries."""

    def of(self, delivery_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Attempt]]:
        """The attempts of each of these deliveries that has any, by number."""
        ...
