"""Several orders' messages in one call to their provider."""

from collections.abc import Callable, Sequence

from notification_service.application.delivering.turns import Place
from notification_service.application.ports import (
    AlimtalkProvider,
    CheckDelivery,
    MaySend,
    MessageBatches,
    Sent,
)
from notification_service.domain.alimtalk_message import ORDER_COMPLETED_TEMPLATE_CODE, AlimtalkMessage
from notification_service.domain.alimtalk_recipient import korean_mobile_number
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import BatchRefused, DeliveryFailed, DeliveryRejected, TemplateRefused
from notification_service.domain.sending_failure import sending_failure


class SendTogether:
    """Sends messages for which nobody has to be asked first; SendAlimtalk sends all others, one by one.

    A call whose outcome is unknown leaves that of each of its messages unknown. A provider that refuses the
    whole call may do so for one message: each goes on alone.
    """

    def __init__(
        self,
        provider: AlimtalkProvider,
        batches: MessageBatches,
        write_alimtalk: Callable[[ClaimedDelivery], AlimtalkMessage],
        *,
        checks: Sequence[CheckDelivery],
        doubt: Callable[[ClaimedDelivery], None],
    ) -> None:
        """``batches`` are ``provider``'s.

        ``checks`` are made before a message is written. ``doubt`` is called when its template was refused.
        """
        self.most = batches.most
        self._provider = provider
        self._batches = batches
        self._write_alimtalk = write_alimtalk
        self._checks = checks
        self._doubt = doubt

    def place_of(self, delivery: ClaimedDelivery) -> Place | None:
        """The deliveries that may go in one call; None for one that goes alone."""
        if not delivery.asks_nobody or delivery.provider not in (None, self._provider.name):
            return None
        recipient = korean_mobile_number(delivery.order.recipient.phone)
        # An SMS goes alone.
        if recipient is None:
            return None
        return Place(delivery.template or ORDER_COMPLETED_TEMPLATE_CODE, recipient)

    def __call__(
        self, deliveries: Sequence[ClaimedDelivery], may_send: MaySend
    ) -> Sequence[Receipt | Exception]:
        """What became of each delivery: what SendAlimtalk and the couriers around it return or raise."""
        written = [self._written(delivery) for delivery in deliveries]
        sent = iter(self._sent([each for each in written if isinstance(each, AlimtalkMessage)], may_send))
        results = [next(sent) if isinstance(each, AlimtalkMessage) else each for each in written]
        refused = [
            delivery
            for delivery, result in zip(deliveries, results, strict=True)
            if isinstance(result, TemplateRefused)
        ]
        if refused:
            # They have one template.
            self._doubt(refused[0])
        return results

    def _written(self, delivery: ClaimedDelivery) -> AlimtalkMessage | Exception:
        try:
            for check in self._checks:
                check(delivery)
            return self._write_alimtalk(delivery)
        except Exception as error:  # noqa: BLE001 - it is the outcome of this delivery, and of no other
            return error

    def _sent(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Receipt | Exception]:
        if not messages:
            return []
        failure: DeliveryFailed
        try:
            sent = self._batches.send(messages, may_send)
            return [self._result(each) for _, each in zip(messages, sent, strict=True)]
        except DeliveryRejected as refused:
            failure = refused if len(messages) == 1 else BatchRefused(refused.reason, str(refused))
        except DeliveryFailed as failed:
            failure = self._failure(failed)
        except Exception as error:  # noqa: BLE001 - as of a single message: they may have been sent
            return [error] * len(messages)
        return [failure] * len(messages)

    def _result(self, sent: Sent) -> Receipt | Exception:
        if isinstance(sent, DeliveryFailed):
            return self._failure(sent)
        return Receipt(sent, is_final=self._provider.accepts_finally)

    def _failure(self, failure: DeliveryFailed) -> DeliveryFailed:
        can_look_up = self._provider.can_look_up
        return sending_failure(failure, can_look_up=can_look_up)
