"""``/api/v1/analytics/…``, a route for each list."""

from urllib.parse import urlencode

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint

from notification_service.application.read_figures import ReadFigures
from notification_service.http.figures.bodies import (
    BasketsQuery,
    CustomersQuery,
    DaysQuery,
    DelaysQuery,
    FiguresQuery,
    Format,
    HoursQuery,
    ProductsQuery,
)
from notification_service.http.figures.csv_text import csv_text
from notification_service.http.figures.cursors import cursor_of, key_of
from notification_service.http.figures.replies import (
    BasketsReply,
    CustomersReply,
    DaysReply,
    DelaysReply,
    HoursReply,
    ProductsReply,
    figures_reply,
)
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def figure_routes(read_figures: ReadFigures) -> APIBlueprint:
    """Reading what was counted."""
    routes = APIBlueprint("figures", __name__, url_prefix="/api/v1/analytics")

    def reply(query: FiguresQuery) -> Response:
        selection = query.selection()
        after = None if query.after is None else key_of(query.kind, query.after)
        page = read_figures(selection, limit=query.limit, after=after)
        if query.format is Format.JSON:
            return json_reply(figures_reply(query.kind, selection.period, page))
        response = Response(csv_text(query.kind, page.figures), content_type="text/csv; charset=utf-8")
        if page.last is not None:
            # Relative, because a proxy may know the service by another name.
            parameters = request.args.to_dict() | {"after": cursor_of(page.last)}
            response.headers["Link"] = f'<?{urlencode(parameters)}>; rel="next"'
        return response

    @route(routes, "GET", "/days", summary="Sales by day", replies={200: DaysReply})
    def get_days(query: DaysQuery) -> Response:
        return reply(query)

    @route(routes, "GET", "/hours", summary="Sales by hour", replies={200: HoursReply})
    def get_hours(query: HoursQuery) -> Response:
        return reply(query)

    @route(routes, "GET", "/products", summary="Sales by day and product", replies={200: ProductsReply})
    def get_products(query: ProductsQuery) -> Response:
        return reply(query)

    @route(routes, "GET", "/baskets", summary="Orders by basket size", replies={200: BasketsReply})
    def get_baskets(query: BasketsQuery) -> Response:
        return reply(query)

    @route(routes, "GET", "/customers", summary="New and returning customers", replies={200: CustomersReply})
    def get_customers(query: CustomersQuery) -> Response:
        return reply(query)

    @route(routes, "GET", "/delays", summary="From payment to effect", replies={200: DelaysReply})
    def get_delays(query: DelaysQuery) -> Response:
        return reply(query)

    return routes
