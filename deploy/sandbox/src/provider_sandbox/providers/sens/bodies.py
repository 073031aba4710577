"""What clients send."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from provider_sandbox.korean_time import read
from servicekit.fields import RequestModel

_TIME = "%Y-%m-%d %H:%M:%S"


class Failover(RequestModel):
    """The SMS in place of a message that can't be delivered."""

    type: Literal["SMS", "LMS"] | None = None
    sender: Annotated[str | None, Field(alias="from")] = None
    subject: str | None = None
    content: Annotated[str, StringConstraints(strict=True, max_length=2000)] | None = None


class SensMessage(RequestModel):
    """One recipient and its finished text."""

    country_code: Literal["82"] = "82"
    to: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=20)]
    title: str | None = None
    content: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1000)]
    header_content: str | None = None
    item_highlight: dict[str, Any] | None = None
    item: dict[str, Any] | None = None
    buttons: Annotated[list[dict[str, Any]], Field(max_length=5)] = Field(default_factory=list)
    use_sms_failover: Annotated[bool, Field(strict=True)] = True
    failover_config: Failover | None = None

    @property
    def sms_number(self) -> str | None:
        return None if self.failover_config is None else self.failover_config.sender


class SensBody(RequestModel):
    """``POST …/messages``."""

    plus_friend_id: str
    template_code: str
    messages: Annotated[list[SensMessage], Field(min_length=1, max_length=100)]


class SensQuery(RequestModel):
    """``GET …/messages``: a request, or a channel's messages of a period."""

    request_id: str | None = None
    plus_friend_id: str | None = None
    request_start_time: str | None = None
    request_end_time: str | None = None
    to: str | None = None
    template_code: str | None = None
    message_id: str | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] = 20
    next_token: Annotated[int, Field(ge=0)] = 0

    def period(self) -> tuple[float, float] | None:
        """None if a request is asked for. Raises ValueError if there is neither."""
        if self.request_id is not None:
            return None
        if self.plus_friend_id is None or self.request_start_time is None or self.request_end_time is None:
            raise ValueError(
                "requestId, or plusFriendId with requestStartTime and requestEndTime, is required"
            )
        return read(self.request_start_time, _TIME), read(self.request_end_time, _TIME)
