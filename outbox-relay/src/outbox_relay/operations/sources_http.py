"""``/api/v1/relay/sources``"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from outbox_relay.postgresql.lag import ShardLag
from outbox_relay.running.status import SourceStatus, StatusBoard
from servicekit.fields import JsonModel
from servicekit.http.replies import json_reply
from servicekit.http.routes import route


class LagReply(JsonModel):
    """The events that wait to be published."""

    events: int
    is_estimate: bool = Field(description="True when more events wait than are counted.")
    seconds: float = Field(description="Age of the oldest event that waits.")


class ShardReply(JsonModel):
    """One shard of a source."""

    shard: int
    leader: str | None = Field(description="host:pid of the relay that leads it or led it last.")
    is_leader: bool = Field(description="Whether the process that answers leads it.")
    epoch: int
    lag: LagReply
    dead_letters: int


class SourceReply(JsonModel):
    """A database with an outbox."""

    name: str
    last_error: str | None
    oldest_partition: str | None = Field(description="The oldest partition of the outbox that is kept.")
    oldest_event_seconds: float | None
    shards: list[ShardReply] = Field(description="None while the database is out of reach.")


class SourcesReply(JsonModel):
    """Every source of this relay."""

    sources: list[SourceReply]


def source_routes(board: StatusBoard) -> APIBlueprint:
    """What ``board`` knows of each source."""
    routes = APIBlueprint("sources", __name__, url_prefix="/api/v1/relay/sources")

    @route(
        routes,
        "GET",
        "",
        summary="Leader, lag and dead letters of every shard of every source",
        replies={200: SourcesReply},
    )
    def sources() -> Response:
        return json_reply(SourcesReply(sources=[_source(status) for status in board.all()]))

    return routes


def _source(status: SourceStatus) -> SourceReply:
    lag = status.lag
    return SourceReply(
        name=status.name,
        last_error=None if status.last_error is None else str(status.last_error),
        oldest_partition=None if lag is None else lag.oldest_partition,
        oldest_event_seconds=None if lag is None else round(lag.oldest_event_seconds, 3),
        shards=[] if lag is None else [_shard(shard, status) for shard in lag.shards],
    )


def _shard(shard: ShardLag, status: SourceStatus) -> ShardReply:
    return ShardReply(
        shard=shard.shard,
        leader=shard.leader,
        is_leader=shard.shard in status.led_shards,
        epoch=shard.epoch,
        lag=LagReply(events=shard.events, is_estimate=shard.is_estimate, seconds=round(shard.seconds, 3)),
        dead_letters=shard.dead_letters,
    )
