"""``/alimtalk/<provider>`` below ``/webhooks``: what providers report of messages that they accepted.

An application of its own, because providers don't keep the API's rules: a body may be a list, or no JSON.
"""

from collections.abc import Mapping

import structlog
from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from prometheus_client import Counter
from werkzeug.exceptions import RequestEntityTooLarge

from notification_service.application.ports import WebhookParser
from notification_service.application.record_results import RecordResults
from notification_service.domain.alimtalk_results import ReportedResults
from notification_service.domain.errors import ForgedWebhook, MalformedWebhook, UnknownProvider
from notification_service.http.bodies import ProviderPath
from notification_service.http.replies import RecordedReply
from servicekit.http.replies import json_reply
from servicekit.http.routes import route
from servicekit.http.validation import MAX_BODY_BYTES

_RESULTS = Counter(
    "alimtalk_webhook_results",
    "Results in providers' webhooks, by what they changed; unknown are those of messages not known here,"
    " refused those that can't be read, and doubled, counted besides, those of one of two messages that may"
    " have arrived.",
    ["provider", "effect"],
)
_log = structlog.get_logger(__name__)


def webhook_routes(record_results: RecordResults, parsers: Mapping[str, WebhookParser]) -> APIBlueprint:
    """Receiving results; ``parsers`` by the name of their provider."""
    routes = APIBlueprint("webhooks", __name__, url_prefix="/alimtalk/<string:provider>")

    @route(routes, "POST", "", summary="Report results (for providers)", replies={200: RecordedReply})
    def post_results(path: ProviderPath) -> Response:
        provider = path.provider
        if provider not in parsers:
            raise UnknownProvider
        body = request.get_data()
        # The server cuts a body there. The results are asked for instead.
        if len(body) > MAX_BODY_BYTES:
            raise RequestEntityTooLarge
        reported = _parsed(provider, parsers[provider], body)
        recorded = record_results(provider, reported.results)
        counts = {
            "changed": recorded.changed,
            "unchanged": len(reported.results) - recorded.changed - recorded.unknown,
            "unknown": recorded.unknown,
            "refused": reported.refused,
            "doubled": recorded.doubled,
        }
        for effect, count in counts.items():
            _RESULTS.labels(provider, effect).inc(count)
        # After the commit: a provider sends again what was not answered with 200. What can't be read would be
        # no better then, and its result is asked for.
        return json_reply(RecordedReply())

    return routes


def _parsed(provider: str, parse: WebhookParser, body: bytes) -> ReportedResults:
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        return parse(headers, request.args, body)
    except (ForgedWebhook, MalformedWebhook) as error:
        # Without what came: a wrong secret may be the right one of another place.
        _log.warning("webhook_refused", provider=provider, reason=type(error).__name__)
        raise
