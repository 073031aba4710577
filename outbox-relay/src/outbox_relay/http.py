"""The relay's HTTP API: health, metrics, and how far each source is behind."""

from flask import Flask, Response
from pydantic import Field

from outbox_relay.readiness import KafkaWatch, readiness_checks
from outbox_relay.source import Lag
from outbox_relay.status import SourceStatus, StatusBoard
from servicekit.fields import JsonModel
from servicekit.http.app import create_app
from servicekit.http.replies import json_reply

_VERSION = "1.0.0"


class LagReply(JsonModel):
    """What waits to be published."""

    events: int
    at_least: bool = Field(description="True when more events wait than are counted.")
    seconds: float = Field(description="Age of the oldest event that waits.")


class ShardReply(JsonModel):
    """One shard of a source."""

    shard: int
    leader: str | None = Field(description="host:pid of the relay that leads or has led last.")
    is_leader: bool = Field(description="Whether that is the process that answers.")
    epoch: int | None
    lag: LagReply | None
    last_error: str | None
    dead_letters: int


class SourceReply(JsonModel):
    """A database with an outbox."""

    name: str
    shards: list[ShardReply]


class SourcesReply(JsonModel):
    """Every source of this relay."""

    sources: list[SourceReply]


def create_relay_app(board: StatusBoard, kafka: KafkaWatch) -> Flask:
    """The application over what ``board`` and ``kafka`` know."""
    app = create_app("outbox-relay", _VERSION, readiness_checks(board, kafka))

    @app.get(
        "/api/v1/relay/sources",
        summary="Leader, lag and last error of every source",
        responses={200: SourcesReply},
    )
    def sources() -> Response:
        return json_reply(SourcesReply(sources=[_source(status) for status in board.all()]))

    return app


def _source(status: SourceStatus) -> SourceReply:
    lag = status.lag
    shard = ShardReply(
        shard=status.shard,
        leader=None if lag is None else lag.leader,
        is_leader=status.is_leader,
        epoch=None if lag is None else lag.epoch,
        lag=None if lag is None else _lag(lag),
        last_error=None if status.last_error is None else str(status.last_error),
        dead_letters=0,
    )
    return SourceReply(name=status.name, shards=[shard])


def _lag(lag: Lag) -> LagReply:
    return LagReply(events=lag.events, at_least=lag.at_least, seconds=round(lag.seconds, 3))
