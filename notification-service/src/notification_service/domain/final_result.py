"""What a provider's result makes of a delivery, in whatever order and however often results arrive."""

from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.delivery import DeliveryStatus, may_become

_REPORTED = {
    ResultState.DELIVERED: DeliveryStatus.DELIVERED,
    ResultState.FAILED: DeliveryStatus.FAILED,
}


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
