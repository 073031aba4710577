"""What the use cases need of the database, of external services and of the process that runs them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ReportedResults
from notification_service.domain.attempt import Outcome, Receipt
from notification_service.domain.attempt_history import Attempt
from notification_service.domain.awaited_result import AwaitedResult, Settlement
from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.daily_sales import DailySales
from notification_service.domain.delivery import ClaimedDelivery, Delivery, DeliveryStatus, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.registered_template import RegisteredTemplate
from notification_service.domain.sales_period import SalesPeriod


class Inbox(Protocol):
    """The events accepted so far."""

    def accept(self, event_ids: Iterable[UUID]) -> set[UUID]:
        """Remember these events; returns those that are new. Waits for a concurrent acceptance."""
        ...


class CompletedOrders(Protocol):
    """The stored orders."""

    def add_all(self, orders: Sequence[CompletedOrder]) -> set[UUID]:
        """Store orders; returns the event ids of those that were not stored before."""
        ...


class Deliveries(Protocol):
    """The stored deliveries. Times are the database's."""

    def add_for_all(self, orders: Sequence[CompletedOrder], alimtalk_template: str | None = None) -> None:
        """Store one delivery for each effect of each order, due at once.

        ``alimtalk_template`` is the code of the template of the alimtalk.
        """
        ...

    def of_order(self, order_id: UUID) -> Sequence[Delivery]:
        """The order's deliveries by event and effect; events are sorted by age, the oldest first."""
        ...

    def get(self, delivery_id: UUID) -> Delivery | None: ...

    def find(self, selection: DeliverySelection, *, limit: int, after: UUID | None) -> Sequence[Delivery]:
        """What is selected by id, which is by age: at most ``limit``, behind ``after``."""
        ...

    def count(self, selection: DeliverySelection) -> int: ...

    def retry(self, selection: DeliverySelection, *, by: str, reason: str) -> int:
        """Make what is selected, and may be retried, due again; returns how many.

        Leaves alimtalk whose recipient was erased.
        """
        ...

    def give_up(self, selection: DeliverySelection, *, by: str, reason: str) -> int:
        """Give up what is selected, and may be given up; returns how many."""
        ...

    def lock_due(self, effect: Effect, limit: int) -> Sequence[tuple[UUID, CompletedOrder]]:
        """Ids and orders of due deliveries, at most ``limit``, held until the transaction ends.

        Skips what another transaction holds.
        """
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
    ) -> Sequence[ClaimedDelivery]:
        """Claim due deliveries, at most ``limit``; concurrent claimants get different ones.

        Each claim begins an attempt in the delivery's history; ``provider`` is the one that would be sent to.
        What waits for one of ``held_templates`` already is left alone.
        """
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


class Results(Protocol):
    """The final results that are awaited of providers. Times are the database's."""

    def lock_due(self, limit: int) -> Sequence[AwaitedResult]:
        """Results to ask for now, at most ``limit``; skips what another transaction holds."""
        ...

    def postpone(self, pauses_seconds: Mapping[UUID, float]) -> None:
        """Count a question about each of these deliveries; the next one is due after its pause."""
        ...

    def lock(self, provider: str, message_ids: Collection[str]) -> Sequence[tuple[UUID, str, DeliveryStatus]]:
        """Delivery, message and status of each delivery for which ``provider`` accepted such a message."""
        ...

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Store final results of deliveries that :meth:`lock` returned."""
        ...

    def expire(self, delivery_ids: Collection[UUID]) -> int:
        """End the wait for these, unless their result was recorded meanwhile; returns how many."""
        ...


class Sales(Protocol):
    """The counted orders and their sums by business day and currency."""

    def add_orders(self, orders: Sequence[CompletedOrder]) -> set[UUID]:
        """Mark orders as counted; returns the ids of those that were not counted before."""
        ...

    def add_sales(self, sales: Sequence[DailySales]) -> None:
        """Add ``sales``, sorted by day and currency, to the sums."""
        ...

    def in_period(self, period: SalesPeriod) -> Sequence[DailySales]:
        """The sums of the period, sorted by day and currency."""
        ...


class UnitOfWork(Protocol):
    """One transaction, rolled back unless :meth:`commit` is called."""

    @property
    def inbox(self) -> Inbox: ...

    @property
    def completed_orders(self) -> CompletedOrders: ...

    @property
    def deliveries(self) -> Deliveries: ...

    @property
    def claims(self) -> Claims: ...

    @property
    def attempts(self) -> Attempts: ...

    @property
    def results(self) -> Results: ...

    @property
    def sales(self) -> Sales: ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]

MaySend = Callable[[], bool]
"""Whether an attempt may still send. The answer may change from true to false, never back."""


class Courier(Protocol):
    """Delivers one effect to its receiver."""

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        """Deliver at most once.

        Asks ``may_send`` right before the step that can't be undone, and raises NotSent if it returns false.
        Raises DeliverySkipped or DeliveryPostponed if nothing may be sent, and DeliveryRejected,
        ReceiverUnavailable or OutcomeUnknown of an attempt that failed. An attempt whose purpose is LOOK_UP
        sends nothing, and raises MessageNotFound once the delivery may be sent again.
        """
        ...


class AlimtalkProvider(Protocol):
    """A provider of alimtalk messages. An adapter turns its replies and codes into these few meanings.

    The ids that it returns can be stored as text; one that can't is a malformed reply.
    """

    @property
    def name(self) -> str:
        """In lower case, as it is stored and stands in the path of its webhooks."""
        ...

    @property
    def can_look_up(self) -> bool:
        """Whether :meth:`find` works. Without it, a message of unknown outcome waits for an operator."""
        ...

    @property
    def accepts_finally(self) -> bool:
        """Whether what it accepts counts as delivered, so that no final result is awaited."""
        ...

    @property
    def results_at_once(self) -> int:
        """How many messages :meth:`results` may be asked about; 0 if it can't be asked at all."""
        ...

    def find(self, message: AlimtalkMessage) -> str | None:
        """The provider's id of an accepted message with this message's reference; None if there is none.

        One of the message's ``failed_ids`` is none. Raises ReceiverUnavailable or OutcomeUnknown if the
        provider doesn't say.
        """
        ...

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        """Send the message at most once; returns the provider's id of it, which isn't in ``failed_ids``.

        Asks ``may_send`` at the last moment at which the message can be withdrawn, and raises NotSent if it
        returns false. Raises DeliveryRejected if the provider will never accept the message (an unknown
        number), TemplateRefused if it accepts none of this template, ReceiverUnavailable if it surely has not
        accepted the message, OutcomeUnknown if it may have.
        """
        ...

    def results(self, awaited: Sequence[AwaitedResult]) -> Sequence[ProviderResult]:
        """What became of these messages, at most ``results_at_once``; without those that it doesn't know.

        Raises ReceiverUnavailable or OutcomeUnknown if the provider doesn't say.
        """
        ...


class TemplateRegister(Protocol):
    """The templates that the provider has."""

    def registered(self, code: str) -> RegisteredTemplate | None:
        """The template that the provider has for our ``code``; None if it has none.

        Raises ReceiverUnavailable or OutcomeUnknown if the provider doesn't say.
        """
        ...


class WebhookParser(Protocol):
    """Reads what one provider posts about messages that it accepted."""

    def __call__(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, /
    ) -> ReportedResults:
        """The results in the order in which the body has them; ``headers`` by names in lower case.

        Raises ForgedWebhook unless the provider sent it, and MalformedWebhook if the body can't be read.
        """
        ...


class StopCheck(Protocol):
    """Whether the process stops."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class WorkDone:
    """What one run did: how many deliveries it worked on, and the pause that should follow."""

    deliveries: int
    pause_seconds: float = 0.0


class DeliveryWork(Protocol):
    """Works on deliveries, as on those of one effect, a batch in each call."""

    def __call__(self, stop: StopCheck) -> WorkDone:
        """Work on what is due now, at most one batch.

        Once ``stop`` is set, no attempt begins: those under way end, and the other claims are released.
        """
        ...
