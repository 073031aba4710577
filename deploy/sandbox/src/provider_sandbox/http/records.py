"""``/records``: for tests, not for clients of the receivers."""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from provider_sandbox.http.bodies import ProviderMessagesQuery, ProviderRequestsQuery
from provider_sandbox.http.replies import ProviderMessagesReply, ProviderRequestsReply, RecordsReply
from provider_sandbox.providers.records import ProviderRecords
from provider_sandbox.record import Record
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def record_routes(record: Record, providers: ProviderRecords) -> APIBlueprint:
    """Reading totals, reading what the providers have received, and deleting all of it."""
    routes = APIBlueprint("records", __name__, url_prefix="/records")

    @route(routes, "GET", "", summary="Read totals of what was received", replies={200: RecordsReply})
    def get_records() -> Response:
        return json_reply({**record.totals(), "providers": providers.messages.totals(providers.clock.now())})

    @route(routes, "DELETE", "", summary="Delete what was received", replies={204: None})
    def delete_records() -> Response:
        record.clear()
        providers.clear()
        return Response(status=204)

    @route(
        routes,
        "GET",
        "/provider-messages",
        summary="List messages of the providers",
        replies={200: ProviderMessagesReply},
    )
    def get_messages(query: ProviderMessagesQuery) -> Response:
        found = providers.messages.page(
            provider=query.provider,
            reference=query.reference,
            after=query.after,
            limit=query.limit,
            now=providers.clock.now(),
        )
        return json_reply(ProviderMessagesReply.of(found, query.limit))

    @route(
        routes,
        "GET",
        "/provider-requests",
        summary="List requests to the providers",
        replies={200: ProviderRequestsReply},
    )
    def get_requests(query: ProviderRequestsQuery) -> Response:
        found = providers.requests.page(provider=query.provider, after=query.after, limit=query.limit)
        return json_reply(ProviderRequestsReply.of(found, query.limit))

    return routes
