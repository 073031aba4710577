"""Reading what providers send: replies, webhooks and their secrets."""

import hmac
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, TypeVar

import httpx
import structlog
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter, ValidationError

from notification_service.domain.errors import ForgedWebhook, MalformedWebhook, OutcomeUnknown
from notification_service.domain.failure_reason import FailureReason
from notification_service.http_client import excerpt
from servicekit.fields import Storable

_log = structlog.get_logger(__name__)

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


def read_list(response: httpx.Response, model: type[_ReplyT]) -> _ReplyT:
    """Like :func:`read_look_up`, for a ``model`` whose entries are left to :func:`read_entries`."""
    try:
        return model.model_validate(_json(response.content))
    except ValueError:
        raise excludes_nothing("its reply is malformed") from None


def read_webhook(body: bytes, adapter: TypeAdapter[_BodyT]) -> _BodyT:
    """The body of a webhook. Raises MalformedWebhook, which quotes none of it: it may name a recipient."""
    try:
        return adapter.validate_python(_json(body))
    except ValueError:
        raise MalformedWebhook from None


def read_entries(entries: Iterable[object], adapter: TypeAdapter[_BodyT]) -> tuple[Sequence[_BodyT], int]:
    """The entries that can be read, and the number of the others, which are logged.

    They are about different messages: an odd one must not cost the others their result.
    """
    read, refused, problems = list[_BodyT](), 0, set[str]()
    for entry in entries:
        try:
            read.append(adapter.validate_python(entry))
        except ValidationError as error:
            refused += 1
            problems |= {each["type"] for each in error.errors(include_input=False, include_context=False)}
    if refused:
        # Without the entries, which may name recipients.
        _log.warning("alimtalk_results_unreadable", entries=refused, problems=sorted(problems))
    return read, refused


def _json(body: bytes) -> object:
    """Raises ValueError. Odd characters stay where they are, as the matter of one entry."""
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check_secret(received: str | None, configured: str) -> None:
    """Raises ForgedWebhook unless the secret received is the configured one, which must not be empty."""
    if not configured:
        raise ForgedWebhook
    # Headers may hold any bytes, which reach Python as surrogates.
    expected, got = (text.encode("utf-8", "surrogatepass") for text in (configured, received or ""))
    if not hmac.compare_digest(expected, got):
        raise ForgedWebhook
