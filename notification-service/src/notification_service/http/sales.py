"""``GET /api/v1/analytics/sales?from=&to=``"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI
from pydantic import BeforeValidator, Field

from notification_service.application.report_sales import ReportSales
from notification_service.domain.completed_order import BUSINESS_TIME_ZONE_NAME
from notification_service.domain.daily_sales import DailySales
from servicekit.fields import JsonModel, RequestModel
from servicekit.http.problems import Problem, ProblemReply
from servicekit.http.replies import json_reply

LONGEST_RANGE = timedelta(days=366)

_WRITTEN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _written_day(value: object) -> object:
    # pydantic also takes a time at midnight, and a number for seconds since 1970.
    if isinstance(value, str) and _WRITTEN_DAY.fullmatch(value):
        return value
    raise ValueError("must be a day as in YYYY-MM-DD")


_Day = Annotated[date, BeforeValidator(_written_day), Field(ge=date(1970, 1, 1), le=date(9999, 12, 31))]


class SalesQuery(RequestModel):
    """Business days in Asia/Seoul as YYYY-MM-DD, both included; at most 366 days apart."""

    first: _Day = Field(alias="from")
    last: _Day = Field(alias="to")


class TotalReply(JsonModel):
    """Orders, pieces and minor units sold in one currency."""

    currency: str
    orders: int
    items: int
    amount: int


class DayReply(TotalReply):
    """The same on one business day."""

    day: date


class SalesReply(JsonModel):
    """What the analytics effect has counted so far."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    time_zone: str
    days: list[DayReply]
    totals: list[TotalReply]


def register_sales(app: OpenAPI, report_sales: ReportSales) -> None:
    api = APIBlueprint("sales", __name__)

    @api.get(
        "/api/v1/analytics/sales",
        summary="Sales by business day and currency",
        responses={200: SalesReply, 422: ProblemReply},
    )
    def sales(query: SalesQuery) -> Response:
        _check_range(query)
        return json_reply(_sales_reply(query, report_sales(query.first, query.last)))

    app.register_api(api)


def _check_range(query: SalesQuery) -> None:
    if query.last < query.first:
        detail = "must not be before from"
    elif query.last - query.first > LONGEST_RANGE:
        detail = f"must be at most {LONGEST_RANGE.days} days after from"
    else:
        return
    errors = [{"field": "query.to", "detail": detail}]
    raise Problem(422, "validation", "The request isn't valid; see errors.", errors=errors)


def _sales_reply(query: SalesQuery, sales: Sequence[DailySales]) -> SalesReply:
    by_currency = sorted(sales, key=lambda sale: sale.currency)
    totals = []
    for currency, group in groupby(by_currency, key=lambda sale: sale.currency):
        members = list(group)
        totals.append(
            TotalReply(
                currency=currency,
                orders=sum(sale.orders for sale in members),
                items=sum(sale.items for sale in members),
                amount=sum(sale.amount for sale in members),
            )
        )
    return SalesReply(
        first=query.first,
        last=query.last,
        time_zone=BUSINESS_TIME_ZONE_NAME,
        days=[
            DayReply(
                day=sale.day,
                currency=sale.currency,
                orders=sale.orders,
                items=sale.items,
                amount=sale.amount,
            )
            for sale in sales
        ],
        totals=totals,
    )
