"""What events about orders with a coupon have in common."""

from typing import Annotated

from pydantic import Field

from servicekit.fields import MAX_INT64
from servicekit.messaging.records import ReceivedRecord

MOST_POLL_RECORDS = 200
"""A transaction holds the user coupons that it changes, and clients that change them wait."""

Amount = Annotated[int, Field(strict=True, ge=0, le=MAX_INT64 // 2)]
Currency = Annotated[str, Field(strict=True, pattern="^[A-Z]{3}$")]


def may_have_coupon(record: ReceivedRecord) -> bool:
    """Without reading the value. Most orders have no coupon, and what they hold is nothing to this service.

    JSON may write each of the name's letters as an escape that begins with ``\\u00``.
    """
    return record.value is not None and (b'"coupon"' in record.value or b"\\u00" in record.value)
