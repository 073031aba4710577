"""What a test wants a receiver or a provider's double to do: faults, results and webhooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from provider_sandbox.controls import Controls, ControlSource, Count, Flag, Milliseconds, Url, WebhookControls

_RETRIES = 4
_Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[-A-Za-z0-9]{1,40}$")]
_IntegerCode = Annotated[str, StringConstraints(strict=True, pattern=r"^-?[0-9]{1,6}$")]
_Number = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30)]
_CodeByNumber = Annotated[dict[_Number, _Code], Field(max_length=1000)]


class Faults(Controls):
    """What one of the two receivers does wrong. A count is for that many of the next requests.

    A request meets one fault: the first, in this order, whose count isn't used up.
    """

    reject_next: Count = 0
    """Reject: 400."""
    fail_next: Count = 0
    """Reply with 503 and keep nothing."""
    throttle_next: Count = 0
    """Reply with 429 and ``Retry-After: 1``, and keep nothing."""
    fail_next_lookups: Count = 0
    """Reply with 503 to look-ups of messages."""
    timeout_before_accept_next: Count = 0
    """Keep it only after ``timeoutMs``, and reply then: a provider slower than its client is patient."""
    timeout_after_accept_next: Count = 0
    """Keep it, and reply only after ``timeoutMs``."""


SENDING_FAULTS = (
    "reject_next",
    "fail_next",
    "throttle_next",
    "timeout_before_accept_next",
    "timeout_after_accept_next",
)
"""The counts that a message or an event meets."""


@contextmanager
def timing_out(controls: ControlSource[Any], fault: str | None) -> Iterator[None]:
    """The block keeps what was sent: too late, or it is answered too late, if that is the fault."""
    if fault == "timeout_before_accept_next":
        controls.time_out()
    yield
    if fault == "timeout_after_accept_next":
        controls.time_out()


def _integers(codes: dict[str, str]) -> dict[str, str]:
    for code in codes.values():
        if not code.lstrip("-").isdigit():
            raise ValueError("codes of refused recipients are integers here")
    return codes


class ProviderFaults(Faults):
    """The faults of every provider. A code is the provider's own; without one, all goes well."""

    reject_code: _Code | None = None
    """The code of ``rejectNext``."""
    requests_per_second: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    """More calls than this within a second get 429, and refused calls count; 0 is no limit."""
    refused_recipients: _CodeByNumber = Field(default_factory=dict)
    """Numbers that are refused at once, each with its code, while others of the batch are accepted."""
    result_code: _Code | None = None
    """The result of every message that is accepted from now on."""
    recipient_results: _CodeByNumber = Field(default_factory=dict)
    """Results by number; they come before ``resultCode``."""
    result_delay_ms: Milliseconds = 1_000
    """From acceptance to result."""
    fallback_delay_ms: Milliseconds = 1_000
    """From a failure to the result of the SMS that replaces the message."""
    fallback_fails: Flag = False
    """The SMS isn't delivered either."""

    def with_sms_from(self, number: str | None, registered: str) -> Self:
        """For a message that an SMS from ``number`` may replace: one that isn't registered can't send."""
        return self if number in (None, registered) else self.model_copy(update={"fallback_fails": True})


class ReportingFaults(ProviderFaults, WebhookControls):
    """Those of an account with webhooks and an allowance."""

    webhook_url: Url | None = None
    """Results of messages accepted from now on are reported there."""
    webhook_retry_delay_ms: Milliseconds = 1_000
    """From a call that wasn't answered with 200 to the next; the fifth is the last."""
    messages_left: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    """How many messages the account may still send."""


class NhnFaults(ReportingFaults):
    """``messagesLeft`` is what is left of the day's volume."""

    refused_recipients: Annotated[_CodeByNumber, AfterValidator(_integers)] = Field(default_factory=dict)
    reject_code: _IntegerCode | None = None
    refusals_keep_key: Flag = False
    """A request that is refused uses up its idempotency key, too."""


class SolapiFaults(ReportingFaults):
    """``messagesLeft`` is what is left of the balance."""

    second_send: Literal["refused", "sends-again"] = "refused"
    """What a second ``send`` of a group does."""
    deletes_sent: Flag = False
    """A group that was sent can be deleted, too: it is DELETED then, keeps its ``dateSent``, and its messages
    are under way."""
    faults_at: Literal["any", "create-group", "add-messages", "send-group"] = "any"
    """The only call that meets the faults of sending."""


class SensFaults(ProviderFaults):
    """Nothing beyond the common ones."""


class AligoFaults(ProviderFaults):
    """Nothing beyond the common ones."""

    reject_code: _IntegerCode | None = None


ProviderFaultsT = TypeVar("ProviderFaultsT", bound=ProviderFaults)
ReportingFaultsT = TypeVar("ReportingFaultsT", bound=ReportingFaults)


class Account(ControlSource[ReportingFaultsT]):
    """The controls of a provider that has webhooks, and limits how many messages its account may send."""

    def webhook_pauses(self) -> list[float]:
        """Seconds from each vain call to the next one."""
        return [self.controls.webhook_retry_delay_ms / 1000] * _RETRIES

    def spend(self, wanted: int) -> bool:
        """Take this many messages off the account, or none if there are fewer."""
        with self._lock:
            left = self._controls.messages_left
            if left is None:
                return True
            if left >= wanted:
                self._change(messages_left=left - wanted)
            return left >= wanted


@dataclass(frozen=True, slots=True)
class ProviderControls:
    """The controls of the two receivers and of each provider."""

    alimtalk: ControlSource[Faults] = field(default_factory=lambda: ControlSource(Faults()))
    monitoring: ControlSource[Faults] = field(default_factory=lambda: ControlSource(Faults()))
    nhn: Account[NhnFaults] = field(default_factory=lambda: Account(NhnFaults()))
    solapi: Account[SolapiFaults] = field(default_factory=lambda: Account(SolapiFaults()))
    sens: ControlSource[SensFaults] = field(default_factory=lambda: ControlSource(SensFaults()))
    aligo: ControlSource[AligoFaults] = field(default_factory=lambda: ControlSource(AligoFaults()))

    def by_name(self) -> dict[str, ControlSource[Any]]:
        return {each.name: getattr(self, each.name) for each in fields(self)}
