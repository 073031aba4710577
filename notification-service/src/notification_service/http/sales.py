"""``/api/v1/analytics/sales``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from notification_service.application.report_sales import ReportSales
from notification_service.http.bodies import SalesQuery
from notification_service.http.replies import SalesReply
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def sales_routes(report_sales: ReportSales) -> APIBlueprint:
    """Reading what was sold."""
    routes = APIBlueprint("sales", __name__, url_prefix="/api/v1/analytics/sales")

    @route(routes, "GET", "", summary="Report sales by business day and currency", replies={200: SalesReply})
    def get_sales(query: SalesQuery) -> Response:
        period = query.period()
        return json_reply(SalesReply.of(period, *report_sales(period)))

    return routes
