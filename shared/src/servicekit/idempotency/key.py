"""Idempotency keys as values, without a database."""

from dataclasses import dataclass
from typing import Generic, TypeVar

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


class IdempotencyKeyReused(Exception):
    """This idempotency key was used for another request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(self.__doc__)


@dataclass(frozen=True, slots=True)
class Answer(Generic[ResultT]):
    """What a use case answers to a request that may have come before.

    ``is_replay`` is true where an earlier request with the same key got this result.
    """

    result: ResultT
    is_replay: bool = False
