"""A connection of the watch server without a network."""

import asyncio
import json

from coupon_service.http.watching.connection import Connection

HEAD_SECONDS = 10.0


class RecordingTransport(asyncio.Transport):
    """What a client would get, and how much of it waits unread."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.unread = 0
        self.is_aborted = self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True

    @property
    def places(self) -> list[int | None]:
        lines = self.written.decode().splitlines()
        return [json.loads(line[6:])["place"] for line in lines if line.startswith("data: ")]


class _Site:
    head_seconds = HEAD_SECONDS

    def connected(self, connection: Connection) -> None:
        pass

    def disconnected(self, connection: Connection) -> None:
        pass

    def route(self, connection: Connection, method: str, target: str) -> None:
        pass


def a_connection(transport: RecordingTransport | None = None) -> tuple[Connection, RecordingTransport]:
    """With what its client gets."""
    transport = transport or RecordingTransport()
    made = Connection(_Site())
    made.connection_made(transport)
    return made, transport
