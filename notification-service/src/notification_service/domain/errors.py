"""What can go wrong with a delivery, a report or a webhook. A class's docstring is its default message."""

from notification_service.domain.delivery import DeliveryStatus
from notification_service.domain.failure_reason import FailureReason


class NotificationError(Exception):
    """The notification service refused."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class SalesPeriodReversed(NotificationError):
    """The last day must not be before the first."""


class SalesPeriodTooLong(NotificationError):
    """The last day must be at most 366 days after the first."""


class TimeZoneRefused(NotificationError):
    """Analytics can't count by this time zone."""


class TimeZoneInUse(TimeZoneRefused):
    """Sales are counted in another time zone."""

    def __init__(self, wanted: str, used: str) -> None:
        super().__init__(
            f"SHOP_TIME_ZONE is {wanted}, but sales have been counted by the days of {used}: set it to that"
        )


class UnknownTimeZone(TimeZoneRefused):
    """PostgreSQL knows no such time zone."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"SHOP_TIME_ZONE is {wanted}, which PostgreSQL doesn't know")


class UnknownPage(NotificationError):
    """The value must be `nextAfter` of the page before, with the same filters."""


class DeliveryNotFound(NotificationError):
    """There is no such delivery."""


class DeliveryTransitionRefused(NotificationError):
    """The delivery's status doesn't allow that."""

    def __init__(self, current_status: DeliveryStatus) -> None:
        self.current_status = current_status
        super().__init__(f"{self.__doc__} It is {current_status}.")


class LookUpPlanned(DeliveryTransitionRefused):
    """The provider is about to be asked whether it has the delivery."""


class RecipientErased(DeliveryTransitionRefused):
    """The recipient of this alimtalk was erased."""


class MoreDeliveriesMatch(NotificationError):
    """More deliveries match than were expected."""

    def __init__(self, matching: int, expected: int) -> None:
        self.matching = matching
        match = "1 delivery matches" if matching == 1 else f"{matching} deliveries match"
        were = "1 was" if expected == 1 else f"{expected} were"
        super().__init__(f"{match}, and {were} expected: nothing was changed.")


class NoPhoneNumber(NotificationError):
    """This is no phone number: write a Korean one, or +, country code and number."""


class NotSent(NotificationError):
    """The attempt was no longer allowed to send, and the receiver got nothing that it could accept."""


class DeliverySkipped(NotificationError):
    """The recipient can't get the delivery, so that none is attempted."""

    def __init__(self, reason: FailureReason) -> None:
        self.reason = reason
        super().__init__()


class DeliveryPostponed(NotificationError):
    """Nothing may be sent now, through no fault of the receiver. No attempt was made."""

    def __init__(self, reason: FailureReason, delay_seconds: float) -> None:
        self.reason = reason
        self.delay_seconds = delay_seconds
        super().__init__()


class ElsewhereUnknown(DeliveryPostponed):
    """Another provider may have the message, and didn't say. Nothing was sent."""

    def __init__(self, provider: str, delay_seconds: float) -> None:
        self.provider = provider
        super().__init__(FailureReason.NOT_CONFIRMED, delay_seconds)


class UnknownTemplate(NotificationError):
    """There is no such template."""


class TemplateMismatch(NotificationError):
    """The values aren't those of the template's variables."""


class DeliveryFailed(NotificationError):
    """The attempt at a delivery failed."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        """``reason`` is for clients. ``detail`` is for operators, and may quote what the receiver replied."""
        self.reason = reason
        super().__init__(detail)


class DeliveryRejected(DeliveryFailed):
    """The receiver rejected the delivery, and would reject it again."""


class ReceiverUnavailable(DeliveryFailed):
    """The receiver did not accept the delivery, and may accept it later."""

    def __init__(
        self, reason: FailureReason, detail: str, *, retry_after_seconds: float | None = None
    ) -> None:
        """``retry_after_seconds`` is the pause that the receiver asked for, if it asked for one."""
        self.retry_after_seconds = retry_after_seconds
        super().__init__(reason, detail)


class TemplateRefused(ReceiverUnavailable):
    """The provider takes no message of this template, or not as we have it. The message was not sent."""


class BatchRefused(ReceiverUnavailable):
    """The provider refused messages that came together, perhaps for one of them. None of them was sent."""


class ProviderThrottled(ReceiverUnavailable):
    """The provider got too many calls, and did not accept the delivery."""


class ProviderStopped(ReceiverUnavailable):
    """The provider accepts nothing until its account, balance or key is fixed."""

    def __init__(self, reason: FailureReason, detail: str, *, code: str) -> None:
        """``code`` is the provider's own, or the status that it answered with."""
        self.code = code
        super().__init__(reason, detail)


class LookUpRefused(ProviderStopped):
    """The provider refuses look-ups by our key. It may still take messages."""


class NotConfirmed(DeliveryFailed):
    """An earlier attempt may have been accepted, and the receiver can't say yet. This one sent nothing.

    After ``sure_in_seconds`` it can, if that is known.
    """

    def __init__(self, reason: FailureReason, detail: str, *, sure_in_seconds: float | None = None) -> None:
        super().__init__(reason, detail)
        self.sure_in_seconds = sure_in_seconds


class OutcomeUnknown(DeliveryFailed):
    """The receiver may have accepted the delivery: its reply was lost, late or malformed."""


class EarlierRequestArrived(OutcomeUnknown):
    """The receiver works, and refuses a second request for the delivery. The first has to be asked for."""


class Unanswerable(OutcomeUnknown):
    """The receiver may have accepted the delivery, and can't be asked whether it has."""


class EarlierMessageFound(NotificationError):
    """The receiver has the message of an earlier attempt. This one sent nothing."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        super().__init__()


class MessageNotFound(NotificationError):
    """The receiver has not sent the message that an earlier attempt may have given it.

    If it ``is_kept_unsent``, the receiver may have it, and still send it; another one must not.
    """

    def __init__(self, *, is_kept_unsent: bool = False) -> None:
        super().__init__("the message was not found")
        self.is_kept_unsent = is_kept_unsent


class ForgedWebhook(NotificationError):
    """The webhook is not authenticated as the provider's."""


class MalformedWebhook(NotificationError):
    """The webhook can't be read."""


class UnknownProvider(NotificationError):
    """No provider of this name reports here."""
