"""How one attempt at a delivery ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receiver has taken the delivery. ``reference`` is its own id of it, if it has one.

    Unless ``is_final``, it reports later whether the recipient got it.
    """

    reference: str | None = None
    is_final: bool = True
    was_sent: bool = True
    """Whether this attempt sent it. If not, a look-up found what an earlier one had sent, perhaps long ago,
    which doesn't show that the receiver takes anything now."""
    provider: str | None = None
    """The provider that has it, if it isn't the one that the attempt was made at."""
    look_up: Call | None = None
    """The look-up before the sending, if there was one."""
    asked_elsewhere: Sequence[str] = ()
    """The other providers that were asked for it, and answered."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The delivery is done. ``reference`` is the receiver's own id of it, if it has one.

    ``provider`` has it, if it isn't the one that the attempt was made at.
    """

    delivery: ClaimedDelivery
    reference: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message, and will report its final result.

    ``provider`` has it, if it isn't the one that the attempt was made at.
    """

    delivery: ClaimedDelivery
    message_id: str | None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The next attempt to send is due in ``delay_seconds``."""

    delivery: ClaimedDelivery
    delay_seconds: float
    reason: FailureReason
    possibly_sent: bool = False
    """Whether this attempt may have reached the receiver."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """An attempt may have reached the provider, which is asked in ``delay_seconds``.

    Without ``delay_seconds`` it can't be asked, and an operator has to decide.
    """

    delivery: ClaimedDelivery
    delay_seconds: float | None
    reason: FailureReason
    possibly_sent: bool = False
    """Whether it was this attempt; a look-up isn't one that sends."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider has not sent the message: it may be sent again, at once; see MessageNotFound."""

    delivery: ClaimedDelivery
    is_kept_unsent: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The receiver will never take the delivery."""

    delivery: ClaimedDelivery
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Attempts went on for too long: there will be no further one, unless an operator wants one."""

    delivery: ClaimedDelivery
    reason: FailureReason
    possibly_sent: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """The recipient can't get the delivery: nothing was sent, and nothing will be."""

    delivery: ClaimedDelivery
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Postponed:
    """Nothing may be sent now. No attempt was made, and the delivery is due in ``delay_seconds``."""

    delivery: ClaimedDelivery
    delay_seconds: float
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class Released:
    """The delivery was claimed and not attempted: it is as if it had not been claimed."""

    delivery: ClaimedDelivery


Outcome = (
    Delivered
    | Accepted
    | RetryLater
    | Unclear
    | NotFound
    | Rejected
    | GivenUp
    | Skipped
    | Postponed
    | Released
)
