"""What clients send."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from provider_sandbox.korean_time import read
from servicekit.fields import RequestModel

DATE_PATTERN = "%Y-%m-%d %H:%M"
_MAX_RANGE_SECONDS = 30 * 24 * 3600


def _text(longest: int, shortest: int = 0) -> Any:
    return StringConstraints(strict=True, min_length=shortest, max_length=longest)


class Resend(RequestModel):
    """The SMS in place of a message that can't be delivered."""

    is_resend: Annotated[bool, Field(strict=True)] = False
    resend_type: Literal["SMS", "LMS"] | None = None
    resend_title: Annotated[str, _text(120)] | None = None
    resend_content: Annotated[str, _text(2000)] | None = None
    resend_send_no: Annotated[str, _text(13)] | None = None


class NhnRecipient(RequestModel):
    """A recipient of a template, with the values of its variables."""

    recipient_no: Annotated[str, _text(15, 1)]
    template_parameter: dict[str, str] = Field(default_factory=dict)
    resend_parameter: Resend = Field(default_factory=Resend)
    buttons: Annotated[list[dict[str, Any]], Field(max_length=5)] = Field(default_factory=list)
    quick_replies: Annotated[list[dict[str, Any]], Field(max_length=5)] = Field(default_factory=list)
    recipient_grouping_key: Annotated[str, _text(100)] | None = None


class MessagesBody(RequestModel):
    """``POST …/messages``."""

    sender_key: Annotated[str, _text(40, 1)]
    template_code: Annotated[str, _text(20, 1)]
    sender_grouping_key: Annotated[str, _text(100)] | None = None
    create_user: Annotated[str, _text(100)] | None = None
    message_option: dict[str, Any] | None = None
    stats_id: Annotated[str, _text(8)] | None = None
    recipient_list: Annotated[list[NhnRecipient], Field(min_length=1, max_length=1000)]


class MessagesQuery(RequestModel):
    """``GET …/messages``: a request, or all messages of a period."""

    page_num: Annotated[int, Field(ge=1)] = 1
    page_size: Annotated[int, Field(ge=1, le=1000)] = 15

    request_id: str | None = None
    start_request_date: str | None = None
    end_request_date: str | None = None
    start_create_date: str | None = None
    end_create_date: str | None = None
    recipient_no: str | None = None
    template_code: str | None = None
    sender_grouping_key: str | None = None
    recipient_grouping_key: str | None = None

    @property
    def offset(self) -> int:
        return (self.page_num - 1) * self.page_size

    def period(self) -> tuple[float, float] | None:
        """None if only the request is asked for. Raises ValueError if there is neither."""
        # Here a message is requested and created at the same moment.
        for start, end in (
            (self.start_request_date, self.end_request_date),
            (self.start_create_date, self.end_create_date),
        ):
            if start is not None and end is not None:
                return _period(start, end)
        if self.request_id is None:
            raise ValueError("requestId or the start and the end of a period is required")
        return None


def _period(start: str, end: str) -> tuple[float, float]:
    first, last = read(start, DATE_PATTERN), read(end, DATE_PATTERN)
    if not 0 <= last - first <= _MAX_RANGE_SECONDS:
        raise ValueError("a period has its start first and 30 days at most")
    return first, last
