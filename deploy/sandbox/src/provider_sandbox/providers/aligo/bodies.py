"""What clients send: forms whose fields carry the recipient's number in their names."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from provider_sandbox.providers.korean_time import read
from servicekit.fields import JsonModel

_NUMBERED = re.compile(
    r"(receiver|recvname|subject|message|emtitle|button|fsubject|fmessage)_([1-9][0-9]{0,2})"
)
_DAY = "%Y%m%d"
_DAY_SECONDS = 24 * 3600.0


class AligoRecipient(JsonModel):
    """The fields of one recipient, without their number."""

    receiver: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    recvname: str | None = None
    subject: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    message: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    emtitle: str | None = None
    button: str | None = None
    fsubject: str | None = None
    fmessage: str | None = None


class _Form(JsonModel):
    apikey: str
    userid: str
    token: str | None = None


class SendForm(_Form):
    """``/akv10/alimtalk/send/``."""

    senderkey: str
    tpl_code: Annotated[str, Field(alias="tpl_code")]
    sender: str
    failover: Literal["Y", "N"] = "N"
    test_mode: Annotated[Literal["Y", "N"], Field(alias="testMode")] = "N"
    recipients: Annotated[list[AligoRecipient], Field(min_length=1, max_length=500)]

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "SendForm":
        """Raises pydantic's ValidationError."""
        common, recipients = dict[str, object](), dict[int, dict[str, str]]()
        for name, value in form.items():
            if numbered := _NUMBERED.fullmatch(name):
                recipients.setdefault(int(numbered[2]), {})[numbered[1]] = value
            else:
                common[name] = value
        common["recipients"] = [recipients[number] for number in sorted(recipients)]
        return cls.model_validate(common)


class _PageForm(_Form):
    page: Annotated[int, Field(ge=1)] = 1
    limit: Annotated[int, Field(ge=1, le=500)] = 50

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.limit


class HistoryForm(_PageForm):
    """``/akv10/history/list/``; days are YYYYMMDD, both included."""

    startdate: str | None = None
    enddate: str | None = None

    def period(self) -> tuple[float, float]:
        start = read(self.startdate, _DAY) if self.startdate else 0.0
        end = read(self.enddate, _DAY) + _DAY_SECONDS if self.enddate else float(2**40)
        return start, end


class DetailForm(_PageForm):
    """``/akv10/history/detail/``."""

    mid: str


class TemplatesForm(_Form):
    """``/akv10/template/list/``."""

    senderkey: str
    tpl_code: Annotated[str | None, Field(alias="tpl_code")] = None
