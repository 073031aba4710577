"""A completed order, as far as its effects need it."""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from uuid import UUID

from notification_service.domain.phone_spellings import without_number

# The business day is Korea's. Korea has had no daylight saving time since 1988, so that the offset is exact.
BUSINESS_TIME_ZONE_NAME = "Asia/Seoul"
_BUSINESS_TIME_ZONE = timezone(timedelta(hours=9), BUSINESS_TIME_ZONE_NAME)

_REMOVED = "[removed]"


@dataclass(frozen=True, slots=True)
class Recipient:
    """The person to notify."""

    name: str
    phone: str

    def removed_from(self, text: str) -> str:
        """``text`` without this name and this phone number, for a log that quotes what a receiver replied."""
        for written in filter(None, (self.name, json.dumps(self.name)[1:-1], self.phone)):
            text = text.replace(written, _REMOVED)
        return without_number(text, self.phone, _REMOVED)


@dataclass(frozen=True, slots=True)
class CompletedOrder:
    """One OrderCompleted event. ``total_amount`` is in minor units; ``item_count`` counts pieces."""

    event_id: UUID
    order_id: UUID
    user_id: int
    currency: str
    total_amount: int
    item_count: int
    recipient: Recipient
    completed_at: datetime


def business_day(instant: datetime) -> date:
    """The day, in Asia/Seoul, to which a sale at ``instant`` belongs."""
    return instant.astimezone(_BUSINESS_TIME_ZONE).date()
