"""What a gateway's webhook says of a payment: a reason to ask the gateway, and nothing to act on."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from order_service.domain.payment import UNSETTLED, PaymentStatus


class ReportedChange(StrEnum):
    """What happened to the money, if the webhook is true."""

    PAID = "PAID"
    RETURNED = "RETURNED"
    OTHER = "OTHER"


ASKED_ABOUT: Mapping[ReportedChange, frozenset[PaymentStatus]] = {
    # Given up, and charged all the same: that money has to be returned.
    ReportedChange.PAID: UNSETTLED | {PaymentStatus.DECLINED, PaymentStatus.ABANDONED},
    # Returned, but not by this service: an operator has to know.
    ReportedChange.RETURNED: UNSETTLED | {PaymentStatus.APPROVED},
    ReportedChange.OTHER: UNSETTLED,
}
"""The payments whose gateway is asked after such a report. Of the others it says nothing new."""


@dataclass(frozen=True, slots=True)
class PaymentHint:
    """The payments of an order that a webhook is about: those whose payment key begins with ``key_begins``.

    It may be a lie, and the order may be another shop's.
    """

    order_id: UUID
    key_begins: str
    change: ReportedChange
