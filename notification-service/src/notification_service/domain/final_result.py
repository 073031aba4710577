"""What a provider's result makes of a delivery, in whatever order and however often results arrive."""

from notification_service.domain.alimtalk_results import (
    CodeClass,
    ProviderCodes,
    ProviderResult,
    ResultState,
)
from notification_service.domain.awaited_result import Settlement
from notification_service.domain.delivery import DeliveryStatus, may_become

# Longer than NHN keeps an idempotency key, which would refuse the second message.
SEND_AGAIN_SECONDS = 630.0
# Of one delivery. While the account is at fault, more may fail, until the delivery is as old and as often
# attempted as one that is given up: each is a message that the provider took.
MOST_MESSAGES = 5
# A template that Kakao refuses only afterwards is mended, too: the next message waits for that, and goes.
_SENT_AGAIN = frozenset({CodeClass.RETRY, CodeClass.STOP_AND_ALARM, CodeClass.TEMPLATE_NOT_USABLE})

_SETTLED_BY_FORMER = frozenset(
    {
        DeliveryStatus.PENDING,
        DeliveryStatus.UNKNOWN,
        DeliveryStatus.FAILED,
        DeliveryStatus.EXPIRED,
        DeliveryStatus.GIVEN_UP,
    }
)
_SENT_SINCE = frozenset(
    {
        DeliveryStatus.SENDING,
        DeliveryStatus.UNKNOWN,
        DeliveryStatus.ACCEPTED,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.EXPIRED,
    }
)
_REPORTED = {
    ResultState.DELIVERED: DeliveryStatus.DELIVERED,
    ResultState.FAILED: DeliveryStatus.FAILED,
}


def status_after_contradiction(status: DeliveryStatus) -> DeliveryStatus:
    """What it makes of a delivery that a former message of it did arrive.

    While the next message waits to be sent, or to be looked up, it is not sent any more; nor is there a next
    one if the recipient didn't get the last, or nobody could say. What is being sent or was sent can't be
    called back.
    """
    return DeliveryStatus.DELIVERED if status in _SETTLED_BY_FORMER else status


def may_be_doubled(status: DeliveryStatus) -> bool:
    """Whether the recipient of a delivery, of which a former message did arrive, may get another one."""
    return status in _SENT_SINCE


def status_after(status: DeliveryStatus, result: ProviderResult) -> DeliveryStatus:
    """``status`` unless the result is final and the delivery lacks one.

    That is so while it is ACCEPTED and, for a late result, when it is EXPIRED. One correction is allowed: an
    alimtalk that failed is DELIVERED once the provider reports that its SMS has arrived. Any other result for
    a delivery in a final status changes nothing.
    """
    reported = _REPORTED.get(result.state)
    if reported is None or not may_become(status, reported):
        return status
    if status in {DeliveryStatus.ACCEPTED, DeliveryStatus.EXPIRED}:
        return reported
    is_correction = status is DeliveryStatus.FAILED and result.by_sms
    return reported if is_correction else status


def is_sent_again(settlement: Settlement, codes: ProviderCodes) -> bool:
    """Whether the provider or our account was at fault, so that another message follows."""
    return _fault(settlement, codes) in _SENT_AGAIN


def stops_provider(settlement: Settlement, codes: ProviderCodes) -> bool:
    """Whether the result says that every message fails until its cause is fixed."""
    return _fault(settlement, codes) is CodeClass.STOP_AND_ALARM


def _fault(settlement: Settlement, codes: ProviderCodes) -> CodeClass | None:
    # The SMS in place of the alimtalk has codes of its own.
    if settlement.status is not DeliveryStatus.FAILED or settlement.by_sms or settlement.code is None:
        return None
    return codes.class_of(settlement.code)
