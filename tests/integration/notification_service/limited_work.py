"""Consumers that share a provider's limit and breaker, and what that provider saw of them."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Engine, text

from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.attempt_together import AttemptTogether
from notification_service.application.deliver_effect import ClaimLimits, DeliverEffect
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.application.delivering.turns import Together
from notification_service.application.ports import (
    CheckDelivery,
    DeliveryWork,
    MaySend,
    Sent,
    UnitOfWorkFactory,
)
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.application.send_together import SendTogether
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.delivery import Effect
from notification_service.domain.provider_state import ProbePolicy, ProviderState, ProviderStatus
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.effect_work import QUICK, transactions
from tests.support.notification_builders import WRITE_ALIMTALK
from tests.support.provider_double import ProviderDouble

QUICK_PROBES = ProbePolicy(
    failures_to_open=3, unclear_to_open=3, first_seconds=0.1, cap_seconds=0.2, suspended_seconds=0.2
)
NO_PROBES = replace(QUICK_PROBES, first_seconds=600.0, cap_seconds=600.0, suspended_seconds=600.0)
# Of no more than the pool's threads.
LIMITS = ClaimLimits(most=4, lease_seconds=20.0, attempt_seconds=5.0)
# What no test reaches.
FAST = 5_000.0
# Two are claimed at once, and the second waits for half a second.
TWO_AT_ONCE = 2.1


@dataclass
class MeteredProvider(ProviderDouble):
    """Notes when it was called to send."""

    name: str = "nhn"
    accepts_finally: bool = True
    keeps_unsent: bool = False
    called_at: list[float] = field(default_factory=list)
    latency_seconds: float = 0.0
    answers: threading.Event = field(default_factory=threading.Event)
    """While it isn't set, no send is answered."""

    def __post_init__(self) -> None:
        self.answers.set()
        self._lock = threading.Lock()

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        with self._lock:
            self.called_at.append(time.monotonic())
        assert self.answers.wait(30)
        threading.Event().wait(self.latency_seconds)
        with self._lock:
            return super().send(message, may_send)


@dataclass
class MeteredBatches:
    """Sends the provider's messages in one call; notes how many each call had."""

    provider: MeteredProvider
    most: int = 10
    sizes: list[int] = field(default_factory=list)

    def send(self, messages: Sequence[AlimtalkMessage], may_send: MaySend) -> Sequence[Sent]:
        assert may_send()
        self.sizes.append(len(messages))
        return [self.provider.send(message, may_send) for message in messages]


@contextmanager
def consumers(
    engine: Engine,
    provider: MeteredProvider,
    number: int = 1,
    *,
    per_second: float = FAST,
    policy: ProbePolicy = QUICK_PROBES,
    limits: ClaimLimits = LIMITS,
    probe_lease_seconds: float = 20.0,
    gate: ProviderGate | None = None,
    checks: Sequence[CheckDelivery] = (),
    unit_of_work: UnitOfWorkFactory | None = None,
) -> Iterator[list[DeliverEffect]]:
    """The alimtalk effect of so many processes."""
    courier = SendAlimtalk(provider, 0.0, WRITE_ALIMTALK)
    attempt = AttemptDelivery(Effect.ALIMTALK, courier, QUICK, jitter=lambda: 0.5, checks=checks)
    with ExitStack() as stack:
        yield [
            DeliverEffect(
                Effect.ALIMTALK,
                attempt,
                unit_of_work or transactions(engine),
                provider=provider.name,
                gate=gate or ProviderGate(provider.name, per_second, policy, probe_lease_seconds),
                pool=stack.enter_context(ThreadPoolExecutor(LIMITS.most)),
                limits=limits,
                retry=QUICK,
                together=_together(provider, attempt),
            )
            for _ in range(number)
        ]


def _together(provider: MeteredProvider, attempt: AttemptDelivery) -> Together | None:
    if provider.batches is None:
        return None
    send = SendTogether(
        provider,
        provider.batches,
        WRITE_ALIMTALK,
        checks=[],
        doubt=lambda delivery: None,
    )
    return Together(send.most, send.place_of, AttemptTogether(attempt, send))


@contextmanager
def running(effects: Sequence[DeliveryWork]) -> Iterator[None]:
    """Let all work at the same time, as their processes do."""
    stop = StopSignal()

    def run(work: DeliveryWork) -> None:
        while not stop.is_set():
            if not work(stop).deliveries:
                stop.wait(0.05)

    threads = [threading.Thread(target=run, args=(effect,)) for effect in effects]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


def state_of(engine: Engine, provider: MeteredProvider) -> ProviderState:
    with transactions(engine)() as unit_of_work:
        return unit_of_work.providers.get(provider.name)


def set_state(engine: Engine, provider: MeteredProvider, status: ProviderStatus, **columns: str) -> None:
    """Put the provider's row into ``status``; ``columns`` are SQL."""
    if status is not ProviderStatus.RUNNING:
        columns = {"next_probe_at": "clock_timestamp()", **columns}
    if status is ProviderStatus.SUSPENDED:
        columns = {"stopped_by": "'CALL'", "reason": "'-1017'", **columns}
    assignments = "".join(f", {name} = {value}" for name, value in columns.items())
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.lock(provider.name)
        unit_of_work.connection.execute(
            text(f"UPDATE alimtalk_provider SET status = :status{assignments} WHERE name = :name"),  # noqa: S608
            {"status": status.value, "name": provider.name},
        )
        unit_of_work.commit()


def make_due(engine: Engine) -> None:
    """Let what is delayed be attempted now."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE delivery SET due_at = clock_timestamp() WHERE status IN ('PENDING', 'UNKNOWN')")
        )


def make_unknown_due(engine: Engine) -> None:
    """Let what is UNKNOWN be looked up now, before anything else."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET due_at = clock_timestamp() - interval '1 minute'"
                " WHERE status = 'UNKNOWN'"
            )
        )


def only_first(engine: Engine) -> None:
    """Leave one alimtalk due, that of the oldest event."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE delivery SET due_at = 'infinity' WHERE event_id <> (SELECT min(event_id::text)::uuid"
                " FROM delivery) AND effect = 'ALIMTALK'"
            )
        )


def alimtalk_statuses(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT status, count(*) AS number FROM delivery WHERE effect = 'ALIMTALK' GROUP BY 1")
        )
        return {row.status: row.number for row in rows}


def attempted(engine: Engine) -> int:
    """How many alimtalk were ever attempted."""
    with engine.connect() as connection:
        statement = text("SELECT count(*) FROM delivery WHERE effect = 'ALIMTALK' AND attempts > 0")
        return int(connection.execute(statement).scalar_one())
