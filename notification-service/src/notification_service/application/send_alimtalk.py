"""The alimtalk effect: one message to the buyer, even if replies or processes are lost."""

from collections.abc import Sequence
from dataclasses import replace

from notification_service.application.ports import AlimtalkProvider, MaySend
from notification_service.application.write_alimtalk import WriteAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt import Receipt
from notification_service.domain.attempt_history import Purpose
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.errors import (
    DeliveryFailed,
    EarlierMessageFound,
    ElsewhereUnknown,
    LookUpRefused,
    MessageNotFound,
    NotConfirmed,
    NotSent,
    OutcomeUnknown,
    ProviderStopped,
    Unanswerable,
)
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.provider_call import Call, CallOutcome, call_of_failure
from notification_service.domain.sending_failure import sending_failure

# Until the other provider is asked again.
_ELSEWHERE_SECONDS = 10.0


class SendAlimtalk:
    """Sends an order's message. From the second attempt on, it asks the provider before it sends.

    A provider that can't be asked gets a message again only if it surely did not take the earlier attempt, or
    if an operator wants it. It also gets the first attempt for an order that is older than a restored backup:
    otherwise every order that waited for a minute would wait for an operator.

    A provider may take messages and refuse our key the look-ups. It then gets what surely was not sent, where
    another provider is configured; all else waits.

    What finally failed counts as not sent. What a former release may have sent, without a record of the
    provider, is only looked up: if it isn't found here, it may be elsewhere, and an operator decides.
    """

    def __init__(
        self,
        provider: AlimtalkProvider,
        processing_seconds: float,
        write_alimtalk: WriteAlimtalk,
        others: Sequence[AlimtalkProvider] = (),
    ) -> None:
        """``processing_seconds`` is the longest that a post takes until a look-up finds its message.

        ``others`` are the providers that other couriers send to. They are asked about an order that is older
        than a restored backup, and get nothing from here.
        """
        self._provider = provider
        self._others = others
        self._processing_seconds = processing_seconds
        self._write_alimtalk = write_alimtalk

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        message = self._write_alimtalk(delivery)
        # Another provider would know nothing of what the first one may have, and send it again.
        if delivery.provider not in (None, self._provider.name):
            detail = f"it was sent to {delivery.provider}, and {self._provider.name} is configured"
            raise Unanswerable(FailureReason.NOT_CONFIRMED, detail)
        if delivery.purpose is Purpose.LOOK_UP or delivery.is_untraceable:
            return self._look_up(delivery, message)
        look_up: Call | None = None
        if delivery.may_have_been_sent and self._provider.can_look_up:
            message_id, look_up = self._looked_up(delivery, message)
            if message_id is not None:
                return self._receipt(message_id, was_sent=False)
        asked_elsewhere: Sequence[str] = ()
        if delivery.is_asked_for_elsewhere:
            if (receipt := self._found_elsewhere(message)) is not None:
                return receipt
            asked_elsewhere = [other.name for other in self._others]
        # Asked again: the look-up took time, and another process sends as soon as the lease has expired.
        if not may_send():
            raise NotSent
        receipt = self._sent(message, may_send)
        if look_up is None and not asked_elsewhere:
            return receipt
        return replace(receipt, look_up=look_up, asked_elsewhere=asked_elsewhere)

    def _looked_up(
        self, delivery: ClaimedDelivery, message: AlimtalkMessage
    ) -> tuple[str | None, Call | None]:
        """The id of what an earlier attempt has sent, and the call that asked for it."""
        try:
            message_id = self._find(message)
        except LookUpRefused as refused:
            # Alone, it relies on the look-up: a former release took a 503 for a refusal there.
            if not (self._others and delivery.surely_was_not_sent):
                raise
            return None, call_of_failure(refused)
        if message_id is None:
            self._check_processed(delivery)
        return message_id, Call(CallOutcome.ANSWERED, is_look_up=True)

    def _sent(self, message: AlimtalkMessage, may_send: MaySend) -> Receipt:
        try:
            return self._receipt(self._send(message, may_send), was_sent=True)
        except EarlierMessageFound as found:
            return self._receipt(found.message_id, was_sent=False)

    def _look_up(self, delivery: ClaimedDelivery, message: AlimtalkMessage) -> Receipt:
        if not self._provider.can_look_up:
            raise Unanswerable(FailureReason.NOT_CONFIRMED, f"{self._provider.name} can't look messages up")
        message_id = self._find(message)
        if message_id is None:
            self._check_processed(delivery)
            if delivery.is_untraceable:
                detail = (
                    f"{self._provider.name} doesn't have it, and a former release may have sent it elsewhere"
                )
                raise Unanswerable(FailureReason.NOT_CONFIRMED, detail)
            raise MessageNotFound(is_kept_unsent=self._provider.keeps_unsent)
        return self._receipt(message_id, was_sent=False)

    def _found_elsewhere(self, message: AlimtalkMessage) -> Receipt | None:
        for other in self._others:
            try:
                message_id = other.find(message)
            except DeliveryFailed as error:
                # Not as a failure: that would count against the provider that is to send it.
                raise ElsewhereUnknown(other.name, _ELSEWHERE_SECONDS) from error
            if message_id is not None:
                receipt = Receipt(message_id, other.accepts_finally, was_sent=False, provider=other.name)
                return replace(receipt, asked_elsewhere=[other.name])
        return None

    def _send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        try:
            return self._provider.send(message, may_send)
        except DeliveryFailed as failure:
            meaning = sending_failure(failure, can_look_up=self._provider.can_look_up)
            if meaning is failure:
                raise
            raise meaning from meaning.__cause__

    def _find(self, message: AlimtalkMessage) -> str | None:
        try:
            return self._provider.find(message)
        except ProviderStopped as error:
            detail = f"look-up refused: {error}"
            raise LookUpRefused(FailureReason.NOT_CONFIRMED, detail, code=error.code) from error
        except OutcomeUnknown as error:
            # Nothing was sent by asking, however the asking ended.
            raise NotConfirmed(FailureReason.NOT_CONFIRMED, f"look-up failed: {error}") from error

    def _check_processed(self, delivery: ClaimedDelivery) -> None:
        """Raises NotConfirmed while the provider may still be working on an earlier post."""
        # Since the claim: the look-up came later, so that even more time has passed.
        since = delivery.seconds_since_possibly_sent
        if since is not None and since < self._processing_seconds:
            detail = f"not found {since:.0f} s after it may have been sent"
            sure_in_seconds = self._processing_seconds - since
            raise NotConfirmed(FailureReason.NOT_CONFIRMED, detail, sure_in_seconds=sure_in_seconds)

    def _receipt(self, message_id: str, *, was_sent: bool) -> Receipt:
        return Receipt(message_id, is_final=self._provider.accepts_finally, was_sent=was_sent)
