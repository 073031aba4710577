"""What the use cases need from the outside, in their own words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from order_service.domain.order import Order
from order_service.domain.payment import Payment
from servicekit.outbox.event import OutboxEvent


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's name for one request, and what tells that request from others."""

    key: str
    fingerprint: str


class Orders(Protocol):
    """The stored orders."""

    def add(self, order: Order) -> None: ...

    def get(self, order_id: UUID) -> Order | None: ...

    def lock(self, order_id: UUID) -> Order | None:
        """The order, held until the transaction ends. Comes before every change of it and of its payments."""
        ...

    def complete(self, order: Order) -> None:
        """Store that ``order`` is completed."""
        ...


class Payments(Protocol):
    """The stored payments."""

    def add(self, payment: Payment) -> None: ...

    def get(self, payment_id: UUID) -> Payment | None: ...

    def live(self, order_id: UUID) -> Payment | None:
        """The order's live payment."""
        ...

    def latest(self, order_id: UUID) -> Payment | None:
        """The order's live payment, or else its last one."""
        ...

    def save(self, payment: Payment) -> None: ...


class Outbox(Protocol):
    """Events that are published once the transaction has committed."""

    def append(self, event: OutboxEvent) -> None: ...


class IdempotencyKeys(Protocol):
    """The requests answered so far."""

    def begin(self, key: str, fingerprint: str) -> Mapping[str, Any] | None:
        """None for a new key, otherwise what :meth:`finish` was given. Waits for a concurrent first use."""
        ...

    def finish(self, key: str, reply: Mapping[str, Any]) -> None: ...


class UnitOfWork(Protocol):
    """One transaction, rolled back unless :meth:`commit` is called."""

    @property
    def orders(self) -> Orders: ...

    @property
    def payments(self) -> Payments: ...

    @property
    def outbox(self) -> Outbox: ...

    @property
    def idempotency_keys(self) -> IdempotencyKeys: ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


UnitOfWorkFactory = Callable[[], UnitOfWork]
