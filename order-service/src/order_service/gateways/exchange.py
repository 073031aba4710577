"""One exchange with a gateway. What can't be read is logged and None: it says nothing of the money."""

from typing import TypeVar
from urllib.parse import quote

import httpx
import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError

from servicekit.outbound.bounded_transport import INCOMPLETE, LONGEST_REPLY

# A payment with hundreds of partial refunds.
_LONGEST_REPLY_BYTES = 512 * 1024

_ANY_JSON = TypeAdapter[object](object)
_ModelT = TypeVar("_ModelT", bound=BaseModel)

_log = structlog.get_logger(__name__)


def path_segment(text: str) -> str:
    """``text`` as a part of a path that leads nowhere else."""
    # Also dots: a segment that consists of them would lead to another path.
    return quote(text, safe="").replace(".", "%2E")


def exchanged(client: httpx.Client, request: httpx.Request, gateway: str) -> httpx.Response | None:
    """The response to ``request``, if one came."""
    request.extensions[LONGEST_REPLY] = _LONGEST_REPLY_BYTES
    try:
        return client.send(request)
    except httpx.TransportError as error:
        _log.warning("payment_gateway_unanswered", gateway=gateway, reason=f"{type(error).__name__} {error}")
        return None


def is_away(response: httpx.Response | None) -> bool:
    """Whether a gateway that sends this would tell nothing of another payment either.

    What isn't JSON is a proxy's in its place, whatever the status, or was cut off.
    """
    return (
        response is None
        or response.is_server_error
        or response.status_code == httpx.codes.TOO_MANY_REQUESTS
        or not _is_json(response.content)
    )


def _is_json(content: bytes) -> bool:
    try:
        _ANY_JSON.validate_json(content)
    except ValidationError:
        return False
    return True


def readable(
    response: httpx.Response, model: type[_ModelT], gateway: str, **about: str | None
) -> _ModelT | None:
    """The response's body as a ``model``. ``about`` is logged, the body never: it may be secret."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        _log.warning(
            "payment_gateway_reply_unreadable",
            gateway=gateway,
            status=response.status_code,
            fields=sorted({str(each["loc"]) for each in error.errors(include_input=False)})[:5],
            incomplete=response.extensions.get(INCOMPLETE),
            **about,
        )
        return None
