"""``/alimtalk/<provider>`` below ``/webhooks``: what providers report of messages that they accepted.

An application of its own, because providers don't keep the API's rules: a body may be a list, or no JSON.
"""

from collections.abc import Mapping

from flask import Blueprint, Response, request
from prometheus_client import Counter
from werkzeug.exceptions import RequestEntityTooLarge

from notification_service.application.ports import WebhookParser
from notification_service.application.record_results import RecordResults
from notification_service.domain.errors import UnknownProvider
from servicekit.http.replies import json_reply
from servicekit.http.validation import MAX_BODY_BYTES

_RESULTS = Counter(
    "alimtalk_webhook_results",
    "Results in providers' webhooks, by what they changed; unknown are those of messages not known here.",
    ["provider", "effect"],
)


def webhook_routes(record_results: RecordResults, parsers: Mapping[str, WebhookParser]) -> Blueprint:
    """Receiving results; ``parsers`` by the name of their provider."""
    routes = Blueprint("webhooks", __name__)

    @routes.post("/alimtalk/<provider>")
    def post_results(provider: str) -> Response:
        if provider not in parsers:
            raise UnknownProvider
        body = request.get_data()
        # The server cuts a body there. The results are asked for instead.
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge
        headers = {name.lower(): value for name, value in request.headers.items()}
        results = parsers[provider](headers, request.args, body)
        # After the commit: a provider sends again what was not answered with 200.
        recorded = record_results(provider, results)
        unchanged = len(results) - recorded.changed - recorded.unknown
        counts = {"changed": recorded.changed, "unchanged": unchanged, "unknown": recorded.unknown}
        for effect, count in counts.items():
            _RESULTS.labels(provider, effect).inc(count)
        return json_reply({})

    return routes
