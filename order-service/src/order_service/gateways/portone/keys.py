"""The payment key of PortOne's payments: what the buyer's browser gets, in one text."""

from dataclasses import dataclass
from typing import Self

_SEPARATOR = ":"


@dataclass(frozen=True, slots=True)
class PortoneKey:
    """``txId:paymentToken``. PortOne takes the money for the token, and shows the id alone."""

    transaction_id: str
    payment_token: str

    @classmethod
    def read(cls, payment_key: str) -> Self | None:
        """None for a text that isn't one, which PortOne is never asked about."""
        transaction_id, _, payment_token = payment_key.partition(_SEPARATOR)
        return cls(transaction_id, payment_token) if transaction_id and payment_token else None

    @staticmethod
    def beginning(transaction_id: str) -> str:
        """Of all keys with that id; without one, of any key."""
        return f"{transaction_id}{_SEPARATOR}" if transaction_id else ""
