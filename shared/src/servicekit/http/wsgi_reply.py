"""What a WSGI application answers to a request, in one piece."""

from typing import TYPE_CHECKING, Any

from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.message import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def wsgi_reply(
    application: "WSGIApplication", request: Request, client: Any, server: Any, config: Config
) -> tuple[bytes, bool]:
    """The reply with its head, and whether the connection can be used again.

    ``client`` and ``server`` are the addresses of its ends. Raises what the application raises.
    """
    collected = _Collected()
    reply, environ = wsgi.create(request, collected, client, server, config)
    environ["wsgi.multithread"] = True
    chunks = application(environ, reply.start_response)
    try:
        for chunk in chunks:
            reply.write(chunk)
        reply.close()
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return bytes(collected.data), not reply.should_close()


class _Collected:
    """In place of the socket that gunicorn writes a reply to, piece by piece."""

    def __init__(self) -> None:
        self.data = bytearray()

    def sendall(self, data: bytes) -> None:
        self.data += data
