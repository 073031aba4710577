"""What a provider reports of a message that it accepted."""

from dataclasses import dataclass
from enum import StrEnum


class ResultState(StrEnum):
    """DELIVERED and FAILED are final."""

    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ProviderResult:
    """``reference`` is our id of the message, if the provider returns it; ``code`` is the provider's own."""

    message_id: str
    reference: str | None
    state: ResultState
    code: str | None
    by_sms: bool
