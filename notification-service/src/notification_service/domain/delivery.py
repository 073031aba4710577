"""Deliveries: one for each effect of each event, with a life of its own.

    PENDING ──claim──► SENDING ──┬─► ACCEPTED ──┬─► DELIVERED ◄── by SMS, once ── FAILED
       ▲                ▲  │     │              ├─► FAILED       the provider's final result
       │                │  │     │              └─► EXPIRED      none in time; a late one still counts
       ├─ not taken, ───┼──┤     ├─► DELIVERED    where the acceptance is final
       │  not attempted │  │     ├─► FAILED       the receiver rejected it
       │          look-up  │     ├─► GIVEN_UP     attempted for too long
       │                │  ▼     └─► SKIPPED      the recipient can't get it
       │              UNKNOWN
       └─ an operator's retry of FAILED, EXPIRED, GIVEN_UP and UNKNOWN

What is UNKNOWN or GIVEN_UP is DELIVERED once the provider reports that the message has arrived after all.
What is ACCEPTED is PENDING again if the provider reports a fault of its own or of our account.
A claim is a lease: once it has expired, the delivery may be claimed again, even if its claimant still runs.
An operator may give up what is PENDING or UNKNOWN. What is counted, is counted from PENDING, without a claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from notification_service.domain.attempt_history import Attempt, Purpose
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.order_event import OrderEvent


class Effect(StrEnum):
    """What follows an event about an order."""

    ALIMTALK = "ALIMTALK"
    ANALYTICS = "ANALYTICS"
    """The order counts as a sale."""
    CANCELLED_SALES = "CANCELLED_SALES"
    """The cancellation counts beside the sales. A former release would count ANALYTICS as a sale."""
    MONITORING = "MONITORING"

    @property
    def may_be_repeated(self) -> bool:
        """Whether an attempt of unknown outcome is simply repeated, because the receiver drops repetitions.

        A buyer doesn't: a second alimtalk would be read.
        """
        return self is not Effect.ALIMTALK


OF_COMPLETED_ORDERS = frozenset({Effect.ALIMTALK, Effect.ANALYTICS, Effect.MONITORING})
"""What follows OrderCompleted."""


class DeliveryStatus(StrEnum):
    """DELIVERED and SKIPPED never change."""

    PENDING = "PENDING"
    """The next attempt has a time."""
    SENDING = "SENDING"
    """A claimant attempts it, or had claimed it when it ended."""
    ACCEPTED = "ACCEPTED"
    """The provider took it, and has not reported its final result yet."""
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    """The receiver rejected it, or the provider reported that the recipient did not get it."""
    UNKNOWN = "UNKNOWN"
    """An attempt may have reached the provider. The next look-up has a time, or an operator has to decide."""
    EXPIRED = "EXPIRED"
    """The provider took it, and knew no final result within the stated time, or can't be asked for one."""
    GIVEN_UP = "GIVEN_UP"
    """Attempts went on for too long, or an operator ended them."""
    SKIPPED = "SKIPPED"


_S = DeliveryStatus
TRANSITIONS: Mapping[DeliveryStatus, frozenset[DeliveryStatus]] = {
    _S.PENDING: frozenset({_S.SENDING, _S.DELIVERED, _S.GIVEN_UP}),
    # To itself: another process takes over what a claimant left.
    _S.SENDING: frozenset(
        {
            _S.SENDING,
            _S.PENDING,
            _S.UNKNOWN,
            _S.ACCEPTED,
            _S.DELIVERED,
            _S.FAILED,
            _S.GIVEN_UP,
            _S.SKIPPED,
        }
    ),
    # PENDING: the provider reported that it could not send, and may be able to later.
    _S.ACCEPTED: frozenset({_S.DELIVERED, _S.FAILED, _S.EXPIRED, _S.PENDING}),
    # DELIVERED, here and below: the message whose reply was lost did arrive, or one before that had failed by
    # its provider's word, or was lost there.
    _S.UNKNOWN: frozenset({_S.SENDING, _S.PENDING, _S.GIVEN_UP, _S.DELIVERED}),
    _S.FAILED: frozenset({_S.PENDING, _S.DELIVERED}),
    _S.EXPIRED: frozenset({_S.PENDING, _S.DELIVERED, _S.FAILED}),
    _S.GIVEN_UP: frozenset({_S.PENDING, _S.DELIVERED}),
    _S.DELIVERED: frozenset(),
    _S.SKIPPED: frozenset(),
}
"""What each status may become. Every change of a status is checked with :func:`may_become`."""


def may_become(former: DeliveryStatus, new: DeliveryStatus) -> bool:
    """Whether a delivery may change from ``former`` to ``new``."""
    return new in TRANSITIONS[former]


def _changed_by_operators(new: DeliveryStatus) -> frozenset[DeliveryStatus]:
    # An operator never changes what a process holds a claim on, or what a provider has.
    return frozenset(status for status in _S if may_become(status, new)) - {_S.SENDING, _S.ACCEPTED}


RETRYABLE = _changed_by_operators(_S.PENDING)
"""What an operator may have attempted again; UNKNOWN only while no look-up is planned."""
MAY_HAVE_ARRIVED = frozenset({_S.UNKNOWN, _S.EXPIRED})
"""What the recipient may have got, although nobody says so."""
CAN_BE_GIVEN_UP = _changed_by_operators(_S.GIVEN_UP)
"""What an operator may give up."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """What an operator did last to a delivery of this kind, and why."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it is stored. ``due_at``: the next attempt's time or, while SENDING, the lease's end.

    ``history`` may lack attempts of a former release, and has none of analytics, which no call leaves for.
    """

    delivery_id: UUID
    event_id: UUID
    order_id: UUID
    effect: Effect
    status: DeliveryStatus
    attempts: int
    due_at: datetime | None
    last_error: FailureReason | None
    created_at: datetime
    completed_at: datetime | None
    accepted_at: datetime | None = None
    result_code: str | None = None
    """The provider's own code of the final result; for operators."""
    by_sms: bool | None = None
    """Whether the recipient got an SMS instead, as far as the provider says."""
    retried: Intervention | None = None
    given_up: Intervention | None = None
    """Only by an operator, and until a retry."""
    history: Sequence[Attempt] = ()


FRESH_SECONDS = 60.0
"""A database isn't restored sooner than that after an order, so its message can't have been forgotten."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that only its claimant may attempt, until the lease expires. ``attempt`` counts from 1.

    ``age_seconds`` counts from the first attempt, or from the first one since an operator's retry, without
    the time for which it was postponed, or waited for a human to mend the provider.
    ``seconds_since_possibly_sent`` counts from the last attempt that may have reached the receiver; None if
    none may have. ``seconds_since_ordered`` counts from the completion of the order. ``provider`` got the
    last attempt to send, or gets this one; None if a former release made it, which did not record that.
    """

    delivery_id: UUID
    claim_id: UUID
    attempt: int
    purpose: Purpose
    provider: str | None
    age_seconds: float
    seconds_since_possibly_sent: float | None
    seconds_since_ordered: float
    failed_message_ids: frozenset[str]
    """The provider's ids of earlier messages, which finally failed and which an operator has retried."""
    order: OrderEvent
    template: str | None = None
    """The code of the alimtalk's template, kept since the order was accepted; None by a former release."""
    may_be_elsewhere: bool = False
    """Another provider may have it: this database may have lost what was attempted there."""
    may_be_here: bool = True
    """This provider may have it: by an attempt that is recorded, or that this database may have lost."""
    seconds_behind_earlier: float | None = None
    """How long it had waited for an earlier message about its order when claimed; None if for none."""

    @property
    def is_asked_for_elsewhere(self) -> bool:
        """Whether the other providers have to be asked before it is sent."""
        return self.may_be_elsewhere and self.seconds_since_ordered > FRESH_SECONDS

    @property
    def may_have_been_sent(self) -> bool:
        """True unless this is the first attempt for a fresh order. Ask the receiver before sending then.

        An earlier attempt may have reached the receiver although no reply was recorded: it was lost, or the
        claimant was killed. Of an older order this database may have forgotten every attempt: it was
        restored from a backup, and reads the events since then once more.
        """
        return self.attempt > 1 or self.seconds_since_ordered > FRESH_SECONDS

    @property
    def asks_nobody(self) -> bool:
        """Whether it may be sent without asking any provider first. Such deliveries may be sent together."""
        is_first = not (self.may_have_been_sent or self.is_asked_for_elsewhere)
        was_never_sent = self.seconds_since_possibly_sent is None and not self.failed_message_ids
        return is_first and was_never_sent and self.purpose is Purpose.SEND

    @property
    def surely_was_not_sent(self) -> bool:
        """Whether nothing says that it may be at this provider, where a look-up would only confirm that."""
        is_free = self.purpose is Purpose.SEND and self.seconds_since_possibly_sent is None
        return is_free and not self.may_be_here

    @property
    def is_untraceable(self) -> bool:
        """An attempt may have reached a provider, and nobody knows which."""
        return self.provider is None and self.seconds_since_possibly_sent is not None
