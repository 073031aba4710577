"""Idempotency keys as values, without a database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's name for one request.

    Keys belong to a ``scope``, so that one client can't occupy another's. ``fingerprint`` is equal for
    requests that mean the same: a key that comes again with another one is refused.
    """

    scope: str
    key: str
    fingerprint: str


Reply = Mapping[str, Any]
"""What the first use of a key was answered, as JSON."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A key and the reply that its first use will get, which every later use gets too."""

    key: IdempotencyKey
    reply: Reply


class IdempotencyKeyReused(Exception):
    """This idempotency key was used for another request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(self.__doc__)


class IdempotencyKeyHeld(Exception):
    """Another transaction is under way with this idempotency key."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


Outcome = Reply | IdempotencyKeyReused | IdempotencyKeyHeld | None
"""What a key is worth: the reply of its first use, a refusal, or None where this is its first use.

IdempotencyKeyHeld stands only where that was not waited for.
"""


@dataclass(frozen=True, slots=True)
class Answer(Generic[ResultT]):
    """What a use case answers to a request that may have come before.

    ``is_replay`` is true where an earlier request with the same key got this result.
    """

    result: ResultT
    is_replay: bool = False
