"""What clients send."""

import re
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from notification_service.domain.sales_period import SalesPeriod
from servicekit.http.models import PathModel, QueryModel

_WRITTEN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_day(value: object) -> object:
    # pydantic also takes a time at midnight, and a number for seconds since 1970.
    if isinstance(value, str) and _WRITTEN_DAY.fullmatch(value):
        return value
    raise ValueError("must be a day as in YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_written_day), Field(ge=date(1970, 1, 1), le=date(9999, 12, 31))]


class NotificationsQuery(QueryModel):
    """The order whose notifications are wanted."""

    order_id: UUID


EffectName = Literal["alimtalk", "analytics", "cancelled_sales", "monitoring"]


class ProviderPath(PathModel):
    """An alimtalk provider in a path."""

    provider: str


class SalesQuery(QueryModel):
    """Business days as YYYY-MM-DD, both included; at most 366 days apart."""

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")

    def period(self) -> SalesPeriod:
        """Raises what :class:`SalesPeriod` raises."""
        return SalesPeriod(self.first, self.last)
