"""Reading what providers send: replies, webhooks and their secrets."""

import hmac
from typing import Annotated, TypeVar

import httpx
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from notification_service.domain.errors import ForgedWebhook, MalformedWebhook, OutcomeUnknown
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt
from servicekit.fields import Storable

_ReplyT = TypeVar("_ReplyT", bound=BaseModel)
_BodyT = TypeVar("_BodyT")

# The database stores it: an id that can't be stored counts as none.
MessageId = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200), Storable]
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]{1,40}$")]
NumericCode = Annotated[int, Field(strict=True, ge=-99_999_999, le=99_999_999)]


def read_reply(response: httpx.Response, model: type[_ReplyT]) -> _ReplyT:
    """The response's body. Raises OutcomeUnknown if it isn't a ``model``."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise malformed(response) from error


def read_look_up(response: httpx.Response, model: type[_ReplyT]) -> _ReplyT:
    """Like :func:`read_reply`, without quoting a malformed body: it may name other recipients."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError:
        raise excludes_nothing("its reply is malformed") from None


def malformed(response: httpx.Response) -> OutcomeUnknown:
    """The error for a reply from which it can't be read what became of the request."""
    detail = f"the provider's reply is malformed: {excerpt(response)}"
    return OutcomeUnknown(FailureReason.MALFORMED_REPLY, detail)


def excludes_nothing(cause: str) -> OutcomeUnknown:
    """The error for a look-up that found no message, and doesn't prove that there is none."""
    return OutcomeUnknown(FailureReason.NOT_CONFIRMED, f"the look-up does not exclude the message: {cause}")


def read_webhook(body: bytes, adapter: TypeAdapter[_BodyT]) -> _BodyT:
    """The body of a webhook. Raises MalformedWebhook, which quotes none of it: it may name a recipient."""
    try:
        return adapter.validate_json(body)
    except ValidationError:
        raise MalformedWebhook from None


def check_secret(received: str | None, configured: str) -> None:
    """Raises ForgedWebhook unless the secret received is the configured one, which must not be empty."""
    if not configured:
        raise ForgedWebhook
    # Headers may hold any bytes, which reach Python as surrogates.
    expected, got = (text.encode("utf-8", "surrogatepass") for text in (configured, received or ""))
    if not hmac.compare_digest(expected, got):
        raise ForgedWebhook
