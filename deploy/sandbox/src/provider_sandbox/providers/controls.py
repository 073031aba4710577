"""What a test wants a provider's double to do: faults, results and webhooks."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from provider_sandbox.controls import Count, Faults, FaultSource, Milliseconds

_Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[-A-Za-z0-9]{1,40}$")]
_IntegerCode = Annotated[str, StringConstraints(strict=True, pattern=r"^-?[0-9]{1,6}$")]
_Number = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=30)]
_CodeByNumber = Annotated[dict[_Number, _Code], Field(max_length=1000)]
_Url = Annotated[str, StringConstraints(strict=True, pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]


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
    fallback_fails: Annotated[bool, Field(strict=True)] = False
    """The SMS isn't delivered either."""


class _WebhookFaults(ProviderFaults):
    webhook_url: _Url | None = None
    """Results of messages accepted from now on are reported there."""
    webhooks_held: Annotated[bool, Field(strict=True)] = False
    """Send none until this ends; then all that are due."""
    webhooks_reversed: Annotated[bool, Field(strict=True)] = False
    """Of those that are due, send the newest first."""
    drop_webhooks_next: Count = 0
    """Never call so many of the next ones."""
    duplicate_webhooks_next: Count = 0
    """Call so many of the next ones twice."""
    webhook_retry_delay_ms: Milliseconds = 1_000
    """From a call that wasn't answered with 200 to the next; the fifth is the last."""
    messages_left: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    """How many messages the account may still send."""


class NhnFaults(_WebhookFaults):
    """``messagesLeft`` is what is left of the day's volume."""

    refused_recipients: Annotated[_CodeByNumber, AfterValidator(_integers)] = Field(default_factory=dict)
    reject_code: _IntegerCode | None = None
    refusals_keep_key: Annotated[bool, Field(strict=True)] = False
    """A request that is refused uses up its idempotency key, too."""


class SolapiFaults(_WebhookFaults):
    """``messagesLeft`` is what is left of the balance."""

    second_send: Literal["refused", "sends-again"] = "refused"
    """What a second ``send`` of a group does."""
    faults_at: Literal["any", "create-group", "add-messages", "send-group"] = "any"
    """The only call that meets the faults of sending."""


class SensFaults(ProviderFaults):
    """Nothing beyond the common ones."""


class AligoFaults(ProviderFaults):
    """Nothing beyond the common ones."""

    reject_code: _IntegerCode | None = None


ProviderFaultsT = TypeVar("ProviderFaultsT", bound=ProviderFaults)


class Allowance(FaultSource[ProviderFaultsT]):
    """The faults of a provider whose account has a limited number of messages left."""

    def spend(self, wanted: int) -> bool:
        """Take this many messages off the account, or none if there are fewer."""
        with self._lock:
            left: int | None = getattr(self._faults, "messages_left", None)
            if left is None:
                return True
            if left < wanted:
                return False
            self._faults = self._faults.model_copy(update={"messages_left": left - wanted})
            return True
