"""What clients send."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from servicekit.fields import RequestModel

_Number = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9+-]{1,20}$")]
_CustomFields = Annotated[
    dict[
        Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30)],
        Annotated[str, StringConstraints(strict=True, max_length=100)],
    ],
    Field(max_length=20),
]


class KakaoOptions(RequestModel):
    """The template and its values; the names of ``variables`` are written ``#{name}``."""

    pf_id: str
    template_id: str
    variables: dict[str, str] | None = None
    disable_sms: Annotated[bool, Field(strict=True)] = False
    buttons: Annotated[list[dict[str, Any]], Field(max_length=5)] = Field(default_factory=list)


class MessageBody(RequestModel):
    """An alimtalk, by its text or the values of its template; or the text of a long SMS."""

    to: _Number
    sender: Annotated[_Number, Field(alias="from")] = ""
    type: Literal["ATA", "LMS"]
    country: Literal["82"] = "82"
    text: Annotated[str, StringConstraints(strict=True, max_length=2000)] | None = None
    custom_fields: _CustomFields = Field(default_factory=dict)
    replacements: Annotated[list[dict[str, Any]], Field(max_length=0)] = Field(default_factory=list)
    auto_type_detect: bool = True
    kakao_options: KakaoOptions | None = None

    @model_validator(mode="after")
    def _has_its_kinds_parts(self) -> Self:
        if self.type == "ATA" and self.kakao_options is None:
            raise ValueError("kakaoOptions is required with ATA")
        if self.type == "LMS" and (self.kakao_options is not None or not self.text):
            raise ValueError("LMS has a text and no kakaoOptions")
        return self


class AddMessagesBody(RequestModel):
    """``PUT /messages/v4/groups/{groupId}/messages``."""

    messages: Annotated[list[MessageBody], Field(min_length=1, max_length=10_000)]


class GroupBody(RequestModel):
    """``POST /messages/v4/groups``."""

    custom_fields: _CustomFields = Field(default_factory=dict)
    allow_duplicates: Annotated[bool, Field(strict=True)] = False
    strict: bool | None = None
    app_id: str | None = None
    agent: dict[str, Any] | None = None


class ListQuery(RequestModel):
    """``GET /messages/v4/list``."""

    message_id: str | None = None
    message_ids: list[str] = Field(default_factory=list)
    group_id: str | None = None
    to: str | None = None
    sender: Annotated[str | None, Field(alias="from")] = None
    type: Literal["ATA"] | None = None
    start_key: str | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 20
    start_date: datetime | None = None
    end_date: datetime | None = None
    date_type: Literal["CREATED"] | None = None

    @field_validator("start_date", "end_date")
    @classmethod
    def _has_offset(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("must have an offset")
        return moment

    @property
    def period(self) -> tuple[float, float] | None:
        if self.start_date is None and self.end_date is None:
            return None
        start = self.start_date.timestamp() if self.start_date else 0.0
        return start, self.end_date.timestamp() if self.end_date else float(2**40)
