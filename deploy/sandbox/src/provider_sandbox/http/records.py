"""``/records``: for tests, not for clients of the two receivers."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.http.replies import RecordsReply
from provider_sandbox.record import Record
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def record_routes(record: Record) -> APIBlueprint:
    """Reading totals and deleting the record."""
    routes = APIBlueprint("records", __name__, url_prefix="/records")

    @route(routes, "GET", "", summary="Read totals of what was received", replies={200: RecordsReply})
    def get_records() -> Response:
        return json_reply(record.totals())

    @route(routes, "DELETE", "", summary="Delete what was received", replies={204: None})
    def delete_records() -> Response:
        record.clear()
        return Response(status=204)

    return routes
