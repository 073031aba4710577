"""One message on its way, through parts that keep it from being doubled or lost, and can be taken out.

Time passes by statements and by the clock of the leases, so that every interleaving is built, not met.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from sqlalchemy import Engine, text

from notification_service.application import deliver_effect
from notification_service.application.accept_order_events import AcceptOrderEvents
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.deliver_effect import DeliverEffect
from notification_service.application.delivering import delivery_flow
from notification_service.application.delivering.provider_gate import OpenGate
from notification_service.application.ports import AlimtalkProvider, Courier, Gate, MaySend
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import Answer
from notification_service.domain.awaited_result import AwaitedResult
from notification_service.domain.delivery import Effect
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from servicekit.lease_clock import lease_clock_seconds
from servicekit.lifecycle import StopSignal
from servicekit.outbound.bounded_transport import BEFORE_SENDING, BoundedTransport
from tests.integration.alimtalk_providers.providers import Provider
from tests.integration.alimtalk_providers.wire import Wire
from tests.integration.notification_service.effect_work import LIMITS, QUICK
from tests.integration.provider_sandbox.doubles import Doubles
from tests.support.notification_builders import WRITE_ALIMTALK, a_completed_order

PATIENCE_SECONDS = 60.0
PROCESSING_SECONDS = 60.0
_PASS = text("""
    UPDATE delivery
       SET due_at = due_at - :seconds * interval '1 second',
           possibly_sent_at = possibly_sent_at - :seconds * interval '1 second',
           first_attempted_at = first_attempted_at - :seconds * interval '1 second'
     WHERE effect = 'ALIMTALK'
""")


@dataclass
class Passing:
    """A provider that is as ``inner`` is. What takes a safeguard out changes one of its calls."""

    inner: AlimtalkProvider

    def __post_init__(self) -> None:
        self.name = self.inner.name
        self.can_look_up = self.inner.can_look_up
        self.accepts_finally = self.inner.accepts_finally
        self.keeps_unsent = self.inner.keeps_unsent
        self.results_at_once = self.inner.results_at_once
        self.batches = self.inner.batches

    def asked_together(self, awaited: AwaitedResult) -> str:
        return self.inner.asked_together(awaited)

    def find(self, message: AlimtalkMessage) -> str | None:
        return self.inner.find(message)

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        return self.inner.send(message, may_send)

    def results(self, awaited: Sequence[AwaitedResult]) -> Answer:
        return self.inner.results(awaited)


@dataclass(frozen=True)
class Parts:
    """What a consumer is made of, with all safeguards."""

    unit_of_work: type[NotificationUnitOfWork] = NotificationUnitOfWork
    provider: Callable[[AlimtalkProvider], AlimtalkProvider] = Passing
    courier: Callable[[Courier], Courier] = lambda courier: courier
    processing_seconds: float = PROCESSING_SECONDS


class LateWire(Wire):
    """Keeps a request on its way when its sender has long stopped waiting for the reply."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        super().__init__(transport)
        self._late_call: str | None = None
        self._late: list[httpx.Request] = []

    def delay(self, call: str) -> None:
        self._late_call = call

    def deliver(self) -> None:
        """The requests on their way arrive, and nobody reads the replies."""
        late, self._late = self._late, []
        for request in late:
            request.extensions.pop(BEFORE_SENDING, None)
            super().handle_request(request).read()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        method, end = (self._late_call or " ").split(" ", 1)
        if self._late_call and request.method == method and request.url.path.endswith(end):
            self._late_call = None
            request.extensions[BEFORE_SENDING]()
            self._late.append(request)
            raise httpx.ReadTimeout("late", request=request)
        return super().handle_request(request)


@dataclass
class Stage:
    """A database with one order, providers, and consumers that are made of ``parts``."""

    engine: Engine
    doubles: Doubles
    parts: Parts
    scope: ExitStack
    _wires: dict[str, LateWire] = field(default_factory=dict)
    _providers: dict[str, AlimtalkProvider] = field(default_factory=dict)
    passed_seconds: float = 0.0

    def clock_seconds(self) -> float:
        return lease_clock_seconds() + self.passed_seconds

    def transactions(self) -> NotificationUnitOfWork:
        return self.parts.unit_of_work(self.engine, CONSUMER_GROUP)

    def accept(self) -> None:
        # Fresh for as long as a scene lasts: its first attempt asks nobody.
        order = a_completed_order(completed_at=datetime.now(UTC) + timedelta(hours=1))
        AcceptOrderEvents(partial(NotificationUnitOfWork, self.engine, CONSUMER_GROUP))([order])

    def wire(self, provider: Provider) -> LateWire:
        if provider.name not in self._wires:
            wire = LateWire(BoundedTransport(PATIENCE_SECONDS, 4))
            client = httpx.Client(transport=wire, timeout=PATIENCE_SECONDS, trust_env=False)
            self.scope.enter_context(client)
            self._wires[provider.name] = wire
            adapter = provider.connect(client, self.doubles.url, provider.secret)
            self._providers[provider.name] = self.parts.provider(adapter)
        return self._wires[provider.name]

    @contextmanager
    def consumer(
        self,
        provider: Provider,
        gate: Gate | None = None,
        around: Callable[[Courier], Courier] = lambda courier: courier,
        change: Callable[[AlimtalkProvider], AlimtalkProvider] = lambda provider: provider,
    ) -> Iterator[DeliverEffect]:
        """A process that sends through ``provider``."""
        self.wire(provider)
        adapter = change(self._providers[provider.name])
        send = SendAlimtalk(adapter, self.parts.processing_seconds, WRITE_ALIMTALK)
        courier = around(self.parts.courier(send))
        with ThreadPoolExecutor(2) as pool:
            yield DeliverEffect(
                Effect.ALIMTALK,
                AttemptDelivery(Effect.ALIMTALK, courier, QUICK, jitter=lambda: 0.5),
                self.transactions,
                provider=provider.name,
                gate=gate or OpenGate(),
                pool=pool,
                limits=LIMITS,
                retry=QUICK,
            )

    def attempt(self, provider: Provider, gate: Gate | None = None, times: int = 1) -> None:
        """What is due is attempted by a new process, so often."""
        with self.consumer(provider, gate) as work:
            for _ in range(times):
                work(StopSignal())

    def pass_time(self, seconds: float) -> None:
        with self.engine.begin() as connection:
            connection.execute(_PASS, {"seconds": seconds})
        self.passed_seconds += seconds

    def recover(self, provider: Provider) -> None:
        """All goes well from now on, for as long as a look-up, a message and one more of each take."""
        for _ in range(5):
            self.pass_time(2 * PROCESSING_SECONDS)
            self.attempt(provider)

    def seen(self) -> str:
        """What became of the message: how often it was sent, and the delivery's status."""
        sends = sum(message["sends"] for message in self.doubles.messages())
        with self.engine.connect() as connection:
            status = connection.scalar(text("SELECT status FROM delivery WHERE effect = 'ALIMTALK'"))
        return f"sent {sends} times, {status}"

    def reference(self) -> str:
        """The provider's id of the message that it has accepted."""
        with self.engine.connect() as connection:
            return str(connection.scalar(text("SELECT reference FROM delivery WHERE effect = 'ALIMTALK'")))


@contextmanager
def a_stage(engine: Engine, doubles: Doubles, parts: Parts, patch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with ExitStack() as scope:
        stage = Stage(engine, doubles, parts, scope)
        for module in (deliver_effect, delivery_flow):
            patch.setattr(module, "lease_clock_seconds", stage.clock_seconds)
        stage.accept()
        yield stage
