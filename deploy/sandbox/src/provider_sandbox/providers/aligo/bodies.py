"""What clients send: forms whose fields carry the recipient's number in their names."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from servicekit.fields import JsonModel

_NUMBERED = re.compile(
    r"(receiver|recvname|subject|message|emtitle|button|fsubject|fmessage)_([1-9][0-9]{0,2})"
)


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


class DetailForm(JsonModel):
    """``/akv10/history/detail/``: the recipients of a sending."""

    apikey: str
    userid: str
    token: str | None = None
    mid: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    page: Annotated[int, Field(ge=1)] = 1
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class SendForm(JsonModel):
    """``/akv10/alimtalk/send/``."""

    apikey: str
    userid: str
    token: str | None = None
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
