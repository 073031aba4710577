"""What clients ask for."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from notification_service.domain.delivery import Effect
from notification_service.domain.figures import FigureKind, FigureSelection
from notification_service.domain.sales_period import SalesPeriod
from notification_service.http.bodies import Day
from servicekit.fields import Storable
from servicekit.http.models import QueryModel

LARGEST_PAGE = 1_000

_Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
_ProductId = Annotated[str, StringConstraints(min_length=1, max_length=200), Storable]


class Format(StrEnum):
    """How a page is written."""

    JSON = "json"
    CSV = "csv"


class FiguresQuery(QueryModel):
    """Business days as YYYY-MM-DD, both included, at most 366 days apart; and which page of them."""

    kind: ClassVar[FigureKind]

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 100
    after: Annotated[str | None, Field(max_length=2_000, description="`nextAfter` of the page before.")] = (
        None
    )
    format: Annotated[
        Format, Field(description="`csv` has a header line; its `Link` header has the next page.")
    ] = Format.JSON

    def selection(self) -> FigureSelection:
        """Raises what :class:`SalesPeriod` raises."""
        effect = getattr(self, "effect", None)
        return FigureSelection(
            self.kind,
            SalesPeriod(self.first, self.last),
            currency=getattr(self, "currency", None),
            product_id=getattr(self, "product_id", None),
            effect=None if effect is None else Effect(effect.upper()),
        )


class DaysQuery(FiguresQuery):
    """Sales by day."""

    kind = FigureKind.DAYS
    currency: _Currency | None = None


class HoursQuery(FiguresQuery):
    """Sales by hour."""

    kind = FigureKind.HOURS
    currency: _Currency | None = None


class ProductsQuery(FiguresQuery):
    """Sales by product."""

    kind = FigureKind.PRODUCTS
    currency: _Currency | None = None
    product_id: _ProductId | None = None


class BasketsQuery(FiguresQuery):
    """Orders by the size of their basket."""

    kind = FigureKind.BASKETS
    currency: _Currency | None = None


class CustomersQuery(FiguresQuery):
    """Customers by day."""

    kind = FigureKind.CUSTOMERS


class DelaysQuery(FiguresQuery):
    """Deliveries by what they took."""

    kind = FigureKind.DELAYS
    effect: Literal["alimtalk", "analytics", "monitoring"] | None = None
