"""``/api/v1/relay/sources/{source}/dead-letters``"""

from collections.abc import Mapping

from flask import Response
from flask_openapi3.blueprint import APIBlueprint

from outbox_relay.operations.dead_letter_bodies import (
    ActionBody,
    DeadLetterPath,
    DeadLettersQuery,
    DiscardBody,
    SelectionBody,
    SelectionDiscardBody,
    SourcePath,
)
from outbox_relay.operations.dead_letter_replies import (
    DeadLettersReply,
    DeadLetterWithEventReply,
    DiscardedReply,
    ReplayedReply,
)
from outbox_relay.postgresql.dead_letter_operations import (
    STATE_FILTERS,
    DeadLetterOperations,
    Selection,
)
from servicekit.http.problems import Problem
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


def dead_letter_routes(sources: Mapping[str, DeadLetterOperations]) -> APIBlueprint:
    """Operations on the dead letters of each source, by its name."""
    routes = APIBlueprint(
        "dead-letters", __name__, url_prefix="/api/v1/relay/sources/<string:source>/dead-letters"
    )

    def source_of(path: SourcePath) -> DeadLetterOperations:
        if path.source not in sources:
            raise Problem(404, "source-not-found", f"This relay has no source {path.source}.")
        return sources[path.source]

    @route(routes, "GET", "", summary="Dead letters, by position", replies={200: DeadLettersReply})
    def get_dead_letters(path: SourcePath, query: DeadLettersQuery) -> Response:
        letters = source_of(path).find(
            STATE_FILTERS[query.state], topic=query.topic, key=query.key, limit=query.limit, after=query.after
        )
        return json_reply(DeadLettersReply.of(letters, query.limit))

    @route(
        routes,
        "GET",
        "/<string:eventId>",
        summary="A dead letter with its record",
        replies={200: DeadLetterWithEventReply},
    )
    def get_dead_letter(path: DeadLetterPath) -> Response:
        return json_reply(DeadLetterWithEventReply.with_event(*source_of(path).show(path.event_id)))

    @route(
        routes,
        "POST",
        "/<string:eventId>/replay",
        summary="Send an event again, and before it the earlier ones of its key",
        replies={200: ReplayedReply},
    )
    def replay_dead_letter(path: DeadLetterPath, body: ActionBody) -> Response:
        selection = Selection(event_ids=(path.event_id,))
        return json_reply(ReplayedReply.of(source_of(path).replay(selection, by=body.by, reason=body.reason)))

    @route(
        routes, "POST", "/<string:eventId>/discard", summary="Give an event up", replies={200: DiscardedReply}
    )
    def discard_dead_letter(path: DeadLetterPath, body: DiscardBody) -> Response:
        return _discard(source_of(path), Selection(event_ids=(path.event_id,)), body)

    @route(
        routes,
        "POST",
        "/replay",
        summary="Send all events of a key, or of many keys, again",
        replies={200: ReplayedReply},
    )
    def replay_dead_letters(path: SourcePath, body: SelectionBody) -> Response:
        return json_reply(
            ReplayedReply.of(source_of(path).replay(body.selection(), by=body.by, reason=body.reason))
        )

    @route(
        routes,
        "POST",
        "/discard",
        summary="Give up the parked events of a key, or of many keys",
        replies={200: DiscardedReply},
    )
    def discard_dead_letters(path: SourcePath, body: SelectionDiscardBody) -> Response:
        return _discard(source_of(path), body.selection(), body)

    return routes


def _discard(operations: DeadLetterOperations, selection: Selection, body: DiscardBody) -> Response:
    discarded = operations.discard(selection, by=body.by, reason=body.reason, replay_rest=body.replay_rest)
    return json_reply(DiscardedReply.of(discarded))
