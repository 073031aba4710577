"""What a provider reports of a message: its state, and what its code means for us."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ResultState(StrEnum):
    """DELIVERED and FAILED are final. ACCEPTED isn't delivered: providers accept what never arrives."""

    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ProviderResult:
    """A report on one message. Reports come late, twice and out of order; equal ones say the same.

    ``reference`` is ours, and ``code`` the provider's, if it returned them. ``by_sms``: the report is about
    the SMS that replaces the alimtalk.
    """

    message_id: str
    reference: str | None
    state: ResultState
    code: str | None
    by_sms: bool = False


@dataclass(frozen=True, slots=True)
class ReportedResults:
    """What a webhook reports. ``refused`` counts the entries that can't be read, beside the others."""

    results: Sequence[ProviderResult]
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider says of messages that it was asked about.

    ``unanswered`` are the ids of those that it said nothing of, because a call failed or was one too many. A
    message without a result that isn't among them is one that it doesn't know.
    """

    results: Sequence[ProviderResult]
    unanswered: frozenset[str] = frozenset()


class CodeClass(StrEnum):
    """What to do after a code other than success."""

    RETRY = "RETRY"
    """The message was not sent, and may be sent later."""
    SMS_INSTEAD = "SMS_INSTEAD"
    """The recipient can't get an alimtalk, and may get an SMS."""
    ASK = "ASK"
    """The message may have been sent, or may yet be: look it up, and don't send it again."""
    STOP_AND_ALARM = "STOP_AND_ALARM"
    """The account, the channel or the balance is at fault: every message fails until it is corrected."""
    TEMPLATE_NOT_USABLE = "TEMPLATE_NOT_USABLE"
    """The template is not approved, or is another one there: its messages are sent once that is mended."""
    FINAL = "FINAL"
    """The message was not sent, and would be refused again."""


@dataclass(frozen=True, slots=True)
class ProviderCodes:
    """A provider's codes by class. Built by :func:`provider_codes`."""

    classes: Mapping[str, CodeClass]

    def class_of(self, code: str) -> CodeClass:
        """The code's class. An unknown code is ASK: it may stand for a message that was sent."""
        return self.classes.get(code, CodeClass.ASK)

    def state_of(self, code: str) -> ResultState:
        """The state of a message that ended with ``code``, which isn't one of success."""
        return ResultState.UNKNOWN if self.class_of(code) is CodeClass.ASK else ResultState.FAILED


def provider_codes(table: Mapping[CodeClass, Iterable[str]]) -> ProviderCodes:
    """Raises ValueError if a code is in two classes."""
    classes: dict[str, CodeClass] = {}
    for code_class, codes in table.items():
        for code in codes:
            if code in classes:
                raise ValueError(f"{code} is in two classes")
            classes[code] = code_class
    return ProviderCodes(classes)
