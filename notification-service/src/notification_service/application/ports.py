"""What the use cases need of the database, of external services and of the process that runs them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from notification_service.domain.alert import Alert, AlertNotice, ClaimedNotice
from notification_service.domain.alert_rule import OrderRule
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer, ReportedResults
from notification_service.domain.attempt import Outcome, Receipt
from notification_service.domain.attempt_history import Attempt
from notification_service.domain.awaited_result import AwaitedResult, Contradiction, Settlement
from notification_service.domain.claim_reach import EVERYTHING, ClaimReach
from notification_service.domain.completed_order import CompletedOrder
from notification_service.domain.delivery import ClaimedDelivery, Delivery, DeliveryStatus, Effect
from notification_service.domain.delivery_selection import DeliverySelection
from notification_service.domain.erasure import Erasure, OperatorNote, Person, PersonalOrder
from notification_service.domain.figures import (
    DailySales,
    Figure,
    FigureSelection,
    Key,
    ProductSales,
)
from notification_service.domain.notification_figures import DeliveryFigures
from notification_service.domain.provider_call import Call
from notification_service.domain.provider_state import ProviderState
from notification_service.domain.registered_template import RegisteredTemplate
from notification_service.domain.sales_period import SalesPeriod
from notification_service.domain.seen_orders import CountedHour, MatchedOrder
from servicekit.idempotency.key import IdempotencyKey, Reply


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

    def add_for_all(
        self, orders: Sequence[CompletedOrder], effects: Collection[Effect], alimtalk_template: str | None
    ) -> None:
        """Store one delivery for each of ``effects`` of each order, due at once.

        ``alimtalk_template`` is the code of the template of the alimtalk.
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

    def lock_due(self, effect: Effect, limit: int) -> Sequence[tuple[UUID, UUID]]:
        """Ids and events of due deliveries, at most ``limit``, held until the transaction ends.

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

    def lock_due(self, provider: str, limit: int) -> Sequence[AwaitedResult]:
        """Results to ask ``provider`` for now, at most ``limit``; skips what another transaction holds."""
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

    def lock_failed(
        self, provider: str, message_ids: Collection[str]
    ) -> Sequence[tuple[UUID, str, DeliveryStatus]]:
        """Delivery, message and status of each delivery for which such a message failed before a retry."""
        ...

    def contradict(self, provider: str, contradictions: Sequence[Contradiction]) -> None:
        """Store that messages which :meth:`lock_failed` returned did arrive: look-ups find them again."""
        ...

    def expire(self, delivery_ids: Collection[UUID]) -> int:
        """End the wait for these, unless their result was recorded meanwhile; returns how many."""
        ...

    def send_again(
        self,
        codes: Mapping[UUID, str | None],
        *,
        by_account: Collection[UUID],
        pause_seconds: float,
        most_messages: int,
    ) -> set[UUID]:
        """Make deliveries that :meth:`lock` returned PENDING; ``codes`` are those of their results.

        Only those that are ACCEPTED and had fewer than ``most_messages``, or whose last one failed
        ``by_account``; returns their ids.
        """
        ...

    def expire_unanswered(self, providers: Collection[str], expire_after_seconds: float) -> int:
        """End the waits that no answer will end; returns how many.

        They are those that took twice as long as they may, and those of other providers than ``providers``
        that took as long as they may, and that no process asks about any more.
        """
        ...


class Providers(Protocol):
    """What all processes together know of each provider. Times are the database's."""

    def get(self, name: str) -> ProviderState:
        """The state as it is now; RUNNING if nothing is known."""
        ...

    def all(self) -> Sequence[ProviderState]:
        """Of every provider that was ever used, by name."""
        ...

    def watch(self, names: Sequence[str]) -> None:
        """Say that this process uses these providers, the first one first; to be said every few seconds."""
        ...

    def reserve(self, name: str, slots: int, interval_seconds: float) -> float:
        """Reserve ``slots`` slots in a row that nobody else gets; returns the seconds until the first one."""
        ...

    def push_back(self, name: str, pause_seconds: float) -> None:
        """Let no slot that isn't reserved yet begin before the pause has passed."""
        ...

    def begin_probe(self, name: str, probe_id: UUID, lease_seconds: float) -> bool:
        """Become the only one that probes the provider, until the lease ends; False if another one does.

        Also false if no probe is due, or the provider is RUNNING.
        """
        ...

    def lock(self, name: str) -> ProviderState:
        """Like :meth:`get`, held until the transaction ends. After it, no delivery may be locked."""
        ...

    def change(self, state: ProviderState) -> None:
        """Store the state of a provider that :meth:`lock` returned. Its slots stay as they are."""
        ...

    def note_resumption(self, name: str, *, by: str, reason: str) -> None:
        """Store the operator who resumed it, and why."""
        ...

    def was_sent_since_change(self, name: str, delivery_ids: Collection[UUID]) -> bool:
        """Whether one of these accepted deliveries was sent after the provider's status had changed."""
        ...


class Analytics(Protocol):
    """What all of analytics shares."""

    def share(self) -> None:
        """Keep rebuilds out until the transaction ends; waits for one that goes on."""
        ...

    def hold(self) -> None:
        """Keep out all that count, until the transaction ends; waits for those that do."""
        ...

    def hold_in_time(self) -> bool:
        """The same; false if those that count take longer than a lock may."""
        ...

    def time_zone(self) -> str:
        """The zone whose days and hours are counted."""
        ...

    def adopt(self, time_zone: str) -> None:
        """Count by this zone. Raises UnknownTimeZone, and TimeZoneInUse once another one has counts."""
        ...

    def days_of_orders(self, after: UUID | None, limit: int) -> tuple[Collection[date], UUID | None]:
        """The days of at most ``limit`` kept orders whose events follow ``after``, in the order of their ids.

        Also the last one of these events, behind which there may be more; None if there are none.
        """
        ...

    def is_closed(self, day: date) -> bool:
        """Whether the day has lost events to retention."""
        ...


class Sales(Protocol):
    """The counted orders, and the sums of what they sold."""

    def add_orders(self, event_ids: Collection[UUID]) -> set[UUID]:
        """Mark the orders of these events as counted; returns the events whose orders were not before."""
        ...

    def add_sales(self, event_ids: Collection[UUID]) -> None:
        """Add the orders of these events to all sums."""
        ...

    def rebuild(self, day: date) -> None:
        """Replace the day's sums by those of its counted orders."""
        ...

    def in_period(self, period: SalesPeriod) -> Sequence[DailySales]:
        """The sums of the period, sorted by day and currency."""
        ...


class Customers(Protocol):
    """The customers' first orders, and the days' customers."""

    def add(self, event_ids: Collection[UUID]) -> Collection[int]:
        """Count the customers of these events, which :meth:`Sales.add_orders` returned.

        Returns the user ids of those that had no order before.
        An order that arrives after retention has deleted its customer's other orders of that day counts the
        customer once more for the day: nothing else says who ordered then.
        """
        ...

    def rebuild(self, day: date) -> None:
        """Count the day's customers anew; first orders that it has, and that weren't known, are kept."""
        ...


class Delays(Protocol):
    """How long effects took."""

    def fold(self, limit: int) -> int:
        """Add what deliveries left to the sums, at most so many entries; returns how many there were."""
        ...

    def rebuild(self, day: date) -> None:
        """Replace the sums of the day's orders by what their deliveries say."""
        ...


class Figures(Protocol):
    """Lists of what was counted."""

    def find(
        self, selection: FigureSelection, *, limit: int, after: Key | None
    ) -> Sequence[tuple[Key, Figure]]:
        """What is selected by key: at most ``limit``, behind ``after``."""
        ...

    def best_products(self, day: date, currency: str, limit: int) -> Sequence[ProductSales]:
        """The products that sold for most on that day in that currency, the best first."""
        ...


class IdempotencyKeys(Protocol):
    """The idempotency keys used so far."""

    def claim(self, key: IdempotencyKey, reply: Reply) -> Reply | None:
        """None if the transaction is the first with ``key``; otherwise the reply of the first one.

        A concurrent first one is waited for. Raises IdempotencyKeyReused.
        """
        ...


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


class Alerts(Protocol):
    """The alerts on what rules see, and what they see. Times are the database's."""

    def note_orders(
        self, rules: Sequence[OrderRule], event_ids: Collection[UUID], new_customers: Collection[int]
    ) -> None:
        """Store which of these events' orders the rules match, once their customers are counted.

        ``new_customers`` are those whom these orders made known: each has one first order, and an earlier one
        that arrives later isn't another.
        """
        ...

    def take_matches(self, rules: Collection[str], limit: int) -> Sequence[MatchedOrder]:
        """Remove at most ``limit`` stored matches of these rules, in their order.

        Skips what another transaction holds.
        """
        ...

    def now(self) -> datetime: ...

    def firing(self) -> Sequence[Alert]:
        """The alerts that have begun, as they are at the moment."""
        ...

    def lock(self, key: str, rule: str) -> Alert:
        """The alert, held until the transaction ends. To be called in the order of the keys."""
        ...

    def save(self, alert: Alert) -> None:
        """Store an alert that :meth:`lock` returned."""
        ...

    def last_hour(self, grace: timedelta) -> datetime | None:
        """The last hour that ended longer than ``grace`` ago; None while orders of it aren't counted."""
        ...

    def begin_judging(self, rule: str, hour: datetime) -> bool:
        """Whether nobody has judged this hour, or a later one, by the rule; nobody else does then."""
        ...

    def hour(self, starts_at: datetime, days: int) -> CountedHour:
        """An hour with its history: the same hour of those of so many days before that had orders."""
        ...


class AlertNotices(Protocol):
    """The notices that receivers have not got yet: leases that expire by the database's clock."""

    def add(self, notice: AlertNotice) -> None:
        """Store it, in place of the alert's repetitions that nobody has claimed."""
        ...

    def claim(self, limit: int, lease_seconds: float) -> Sequence[ClaimedNotice]:
        """Claim due notices, the oldest of each alert; concurrent claimants get different ones."""
        ...

    def remove(self, claimed: ClaimedNotice) -> None:
        """The receiver has it, or never gets it. Nothing happens if another claimant has it by now."""
        ...

    def postpone(
        self, claimed: ClaimedNotice, delay_seconds: float, reason: str | None, *, was_attempted: bool
    ) -> None:
        """The next attempt is due after the delay, unless another claimant has it by now."""
        ...

    def oldest_seconds(self) -> float:
        """How long the oldest notice has waited; 0 if none does."""
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
    def providers(self) -> Providers: ...

    @property
    def analytics(self) -> Analytics: ...

    @property
    def sales(self) -> Sales: ...

    @property
    def customers(self) -> Customers: ...

    @property
    def delays(self) -> Delays: ...

    @property
    def figures(self) -> Figures: ...

    @property
    def personal_data(self) -> PersonalData: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...

    @property
    def alerts(self) -> Alerts: ...

    @property
    def alert_notices(self) -> AlertNotices: ...

    def now(self) -> datetime:
        """The database's clock, which all hosts share."""
        ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]

MaySend = Callable[[], bool]
"""Whether an attempt may still send. The answer may change from true to false, never back."""


@dataclass(frozen=True, slots=True)
class Admission:
    """How many deliveries may be claimed now, and which. With ``probe_id``, one as a probe."""

    deliveries: int
    probe_id: UUID | None = None
    reach: ClaimReach = EVERYTHING


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots that nobody else has: the first in ``wait_seconds``, and one at each interval after it."""

    wait_seconds: float
    interval_seconds: float


class Gate(Protocol):
    """Admits deliveries, and learns from the calls that were made for them."""

    def admit(self, unit_of_work: UnitOfWork, most: int) -> Admission:
        """To be asked before a claim, in its transaction."""
        ...

    def enter(
        self, unit_of_work: UnitOfWork, admission: Admission, deliveries: int, latest_seconds: float
    ) -> Slots | None:
        """Slots for the deliveries that were claimed; to be called last in the claim's transaction.

        None if the last slot would be later than ``latest_seconds``, or if another process makes the probe:
        the claim must then be rolled back.
        """
        ...

    def learn(self, unit_of_work: UnitOfWork, calls: Sequence[Call], probe_id: UUID | None) -> None:
        """To be called last in the transaction that records what became of the calls."""
        ...

    def stops(self, calls: Sequence[Call]) -> bool:
        """Whether nothing more should go after ``calls``, one process's, in the order of their ends."""
        ...


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


CheckDelivery = Callable[[ClaimedDelivery], object]
"""Raises DeliveryPostponed, DeliverySkipped or DeliveryRejected if the delivery can't be sent as it is."""


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
    def keeps_unsent(self) -> bool:
        """Whether a message that :meth:`find` doesn't find may be there, to be sent by a later call."""
        ...

    @property
    def results_at_once(self) -> int:
        """How many messages :meth:`results` may be asked about; 0 if it can't be asked at all."""
        ...

    def asked_together(self, awaited: AwaitedResult) -> str:
        """What messages must have in common for one call of :meth:`results` to ask about them."""
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

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        """What became of these messages: at most ``results_at_once``, which are :meth:`asked_together`.

        Raises ReceiverUnavailable or OutcomeUnknown if the provider says nothing of any of them.
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


AlertReceiver = Callable[[AlertNotice], None]
"""Sends a notice. Raises ReceiverUnavailable if it was not received, OutcomeUnknown if it may have been."""
