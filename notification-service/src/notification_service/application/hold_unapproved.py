"""Keeping messages back whose template the provider would reject."""

from collections.abc import Callable

from notification_service.application.ports import Courier, MaySend
from notification_service.domain.alimtalk_message import ORDER_COMPLETED_TEMPLATE_CODE
from notification_service.domain.alimtalk_recipient import korean_mobile_number
from notification_service.domain.attempt import Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import DeliveryPostponed, TemplateRefused
from notification_service.domain.failure_reason import FailureReason

_PAUSE_SECONDS = 60.0


class HoldUnapproved:
    """A courier that postpones what has an obstacle: the provider would refuse it.

    Look-ups go on, since they send nothing; so does what isn't sent by a template, such as an SMS.
    """

    def __init__(
        self, courier: Courier, obstacle_of: Callable[[str], str | None], doubt: Callable[[str], None]
    ) -> None:
        """Both take the code of a template; ``doubt`` is called when the provider refuses one."""
        self._courier = courier
        self._obstacle_of = obstacle_of
        self._doubt = doubt

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        self.check(delivery)
        try:
            return self._courier(delivery, may_send)
        except TemplateRefused:
            self.doubt(delivery)
            raise

    def doubt(self, delivery: ClaimedDelivery) -> None:
        """To be called when the provider has refused the delivery's template."""
        self._doubt(_code_of(delivery))

    def check(self, delivery: ClaimedDelivery) -> None:
        """Raises DeliveryPostponed while there is an obstacle."""
        if _is_sent_by_template(delivery) and self._obstacle_of(_code_of(delivery)) is not None:
            raise DeliveryPostponed(FailureReason.TEMPLATE_NOT_USABLE, _PAUSE_SECONDS)


def _code_of(delivery: ClaimedDelivery) -> str:
    return delivery.template or ORDER_COMPLETED_TEMPLATE_CODE


def _is_sent_by_template(delivery: ClaimedDelivery) -> bool:
    is_sent = delivery.purpose is Purpose.SEND
    return is_sent and korean_mobile_number(delivery.order.recipient.phone) is not None
