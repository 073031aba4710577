"""What a gateway answers, as it is kept for repetitions: byte for byte."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response
from pydantic_core import to_json


@dataclass(frozen=True, slots=True)
class GatewayReply:
    """JSON with a status."""

    status: int
    body: bytes

    @classmethod
    def of(cls, body: Mapping[str, Any], status: int = 200) -> "GatewayReply":
        return cls(status, to_json(body))

    def response(self) -> Response:
        return Response(self.body, self.status, content_type="application/json")


class Refused(Exception):
    """The request is refused with this reply, and has changed nothing."""

    def __init__(self, reply: GatewayReply) -> None:
        self.reply = reply
        super().__init__(f"{reply.status}: {reply.body.decode()}")
