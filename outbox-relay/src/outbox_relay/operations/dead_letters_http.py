"""``/api/v1/relay/sources/{source}/dead-letters``"""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI
from pydantic import BeforeValidator, Field

from outbox_relay.operations.dead_letter_bodies import (
    ActionBody,
    DiscardBody,
    SelectionBody,
    SelectionDiscardBody,
)
from outbox_relay.operations.dead_letter_replies import (
    DeadLettersReply,
    DeadLetterWithEventReply,
    DiscardedReply,
    ReplayedReply,
)
from outbox_relay.postgresql.dead_letter_operations import (
    STATE_FILTERS,
    DeadLetterIsClosed,
    DeadLetterIsReplaying,
    DeadLetterNotFound,
    DeadLetterOperations,
    Selection,
)
from outbox_relay.protocol.errors import SourceUnavailable
from servicekit.fields import MAX_INT64, RequestModel, Storable
from servicekit.http.problems import Problem, ProblemReply, register_problem, render
from servicekit.http.replies import json_reply

_MAX_LIMIT = 1_000

StateFilter = Literal["OPEN", "PARKED", "REPLAYING", "REPLAYED", "DISCARDED", "ANY"]


class SourcePath(RequestModel):
    """A source by its name in the environment."""

    source: str


class DeadLetterPath(SourcePath):
    """A dead letter by its event's id."""

    event_id: UUID


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class DeadLettersQuery(RequestModel):
    """Filters, and the position behind which the page begins."""

    state: Annotated[StateFilter, BeforeValidator(_upper)] = "OPEN"
    topic: Annotated[str, Storable] | None = None
    key: Annotated[str, Storable] | None = None
    limit: Annotated[int, Field(ge=1, le=_MAX_LIMIT)] = 100
    after: Annotated[int, Field(ge=0, le=MAX_INT64, description="Only those behind this position.")] = 0


def dead_letter_routes(sources: Mapping[str, DeadLetterOperations]) -> APIBlueprint:
    """Operations on the dead letters of each source, by its name."""
    api = APIBlueprint(
        "dead-letters", __name__, url_prefix="/api/v1/relay/sources/<string:source>/dead-letters"
    )

    def source_of(path: SourcePath) -> DeadLetterOperations:
        if path.source not in sources:
            raise Problem(404, "source-not-found", f"This relay has no source {path.source}.")
        return sources[path.source]

    @api.get("", summary="Dead letters, by position", responses={200: DeadLettersReply})
    def get_dead_letters(path: SourcePath, query: DeadLettersQuery) -> Response:
        letters = source_of(path).find(
            STATE_FILTERS[query.state], topic=query.topic, key=query.key, limit=query.limit, after=query.after
        )
        return json_reply(DeadLettersReply.of(letters, query.limit))

    @api.get(
        "/<string:eventId>",
        summary="A dead letter with its record",
        responses={200: DeadLetterWithEventReply},
    )
    def get_dead_letter(path: DeadLetterPath) -> Response:
        return json_reply(DeadLetterWithEventReply.with_event(*source_of(path).show(path.event_id)))

    @api.post(
        "/<string:eventId>/replay",
        summary="Send an event again, and before it the earlier ones of its key",
        responses={200: ReplayedReply, 409: ProblemReply},
    )
    def replay_dead_letter(path: DeadLetterPath, body: ActionBody) -> Response:
        selection = Selection(event_ids=(path.event_id,))
        return json_reply(ReplayedReply.of(source_of(path).replay(selection, by=body.by, reason=body.reason)))

    @api.post(
        "/<string:eventId>/discard",
        summary="Give an event up",
        responses={200: DiscardedReply, 409: ProblemReply},
    )
    def discard_dead_letter(path: DeadLetterPath, body: DiscardBody) -> Response:
        return _discard(source_of(path), Selection(event_ids=(path.event_id,)), body)

    @api.post(
        "/replay",
        summary="Send all events of a key, or of many keys, again",
        responses={200: ReplayedReply},
    )
    def replay_dead_letters(path: SourcePath, body: SelectionBody) -> Response:
        return json_reply(
            ReplayedReply.of(source_of(path).replay(body.selection(), by=body.by, reason=body.reason))
        )

    @api.post(
        "/discard",
        summary="Give up the parked events of a key, or of many keys",
        responses={200: DiscardedReply, 409: ProblemReply},
    )
    def discard_dead_letters(path: SourcePath, body: SelectionDiscardBody) -> Response:
        return _discard(source_of(path), body.selection(), body)

    return api


def register_dead_letter_problems(app: OpenAPI) -> None:
    register_problem(app, DeadLetterNotFound, status=404, slug="dead-letter-not-found")
    register_problem(app, DeadLetterIsReplaying, status=409, slug="dead-letter-is-replaying")
    register_problem(app, DeadLetterIsClosed, status=409, slug="dead-letter-is-closed")
    app.register_error_handler(SourceUnavailable, _unavailable)


def _discard(operations: DeadLetterOperations, selection: Selection, body: DiscardBody) -> Response:
    discarded = operations.discard(selection, by=body.by, reason=body.reason, replay_rest=body.replay_rest)
    return json_reply(DiscardedReply.of(discarded))


def _unavailable(error: SourceUnavailable) -> Response:
    return render(Problem(503, "source-unavailable", str(error), headers={"Retry-After": "1"}))
