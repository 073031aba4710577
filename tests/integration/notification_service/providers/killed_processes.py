"""Consumers that send through two providers, composed as in their process, and killed at any point."""

import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
from pydantic import SecretStr
from sqlalchemy import Engine

from notification_service.alimtalk_effect import AlimtalkEffect
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.deliver_effect import ClaimLimits, DeliverEffect
from notification_service.application.delivering.turns import Together
from notification_service.application.learn_from_calls_elsewhere import LearnFromCallsElsewhere
from notification_service.application.ports import DeliveryWork, Gate
from notification_service.config import ConsumerSettings
from notification_service.domain.delivery import Effect
from notification_service.domain.provider_state import ProbePolicy
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.messaging.incoming_order_completed import CONSUMER_GROUP
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from provider_sandbox.providers.nhn import account as nhn
from provider_sandbox.providers.solapi import account as solapi
from servicekit.db.errors import may_pass
from servicekit.lifecycle import StopSignal
from tests.integration.notification_service.providers.failing_wire import (
    PROCESSING_SECONDS,
    FailingWire,
    Killed,
    Weather,
)
from tests.support.notification_builders import TEMPLATES

_CALLS = 8
# Small batches, so that there are many calls to die at.
_LIMITS = ClaimLimits(most=_CALLS // 2, lease_seconds=2.0, attempt_seconds=0.5)
_RETRY = RetryPolicy(base_seconds=0.1, cap_seconds=0.5, settle_seconds=0.1, pause_cap_seconds=0.1)
_PROBES = ProbePolicy(failures_to_open=5, first_seconds=0.1, cap_seconds=0.1)
# Of commits of claims and of outcomes: one is prevented, and one is the last thing that a process does.
_KILL_EVERY_COMMIT = 30
_POLL_SECONDS = 0.1


def settings_for(sandbox_url: str) -> ConsumerSettings:
    """SOLAPI first, then NHN. Not validated: leases are far shorter than a process may have."""
    return ConsumerSettings.model_construct(
        alimtalk_provider="solapi",
        alimtalk_second_provider="nhn",
        alimtalk_messages_per_second=1_000.0,
        alimtalk_second_messages_per_second=1_000.0,
        alimtalk_processing_seconds=PROCESSING_SECONDS,
        delivery_parallelism=_CALLS,
        delivery_lease_seconds=_LIMITS.lease_seconds,
        nhn_app_key=SecretStr(nhn.APP_KEY),
        nhn_secret_key=SecretStr(nhn.SECRET_KEY),
        nhn_sender_key=SecretStr(nhn.SENDER_KEY),
        nhn_url=f"{sandbox_url}/providers/nhn",
        solapi_api_key=SecretStr(solapi.API_KEY),
        solapi_api_secret=SecretStr(solapi.API_SECRET),
        solapi_channel_id=solapi.PF_ID,
        solapi_sender_number=solapi.SENDER_NUMBER,
        solapi_template_id="KA01TP260101000000000ORDERCOMPLETED",
        solapi_url=f"{sandbox_url}/providers/solapi",
    )


class Process:
    """A thread for each kind of work, as the dispatcher has it. Once dead, it changes nothing any more."""

    def __init__(self, engine: Engine, settings: ConsumerSettings, weather: Weather) -> None:
        self.is_dead = threading.Event()
        self.failure: BaseException | None = None
        self._engine = engine
        self._weather = weather
        self._pools: list[ThreadPoolExecutor] = []
        self._client = httpx.Client(transport=FailingWire(weather, self.is_dead), timeout=10.0)
        effect = AlimtalkEffect(
            settings,
            TEMPLATES,
            self._client,
            self._unit_of_work,
            _RETRY,
            self._deliver,
            self._pool,
            _PROBES,
        )
        self._work_by_name = effect.work_by_name()

    def start(self, stop: StopSignal) -> None:
        for work in self._work_by_name.values():
            threading.Thread(target=self._run, args=(work, stop), daemon=True).start()

    def close(self) -> None:
        self.is_dead.set()
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def _run(self, work: DeliveryWork, stop: StopSignal) -> None:
        while not (stop.is_set() or self.is_dead.is_set()):
            try:
                done = work(stop)
            except Killed:
                return
            except Exception as error:
                if not may_pass(error):
                    self.failure = error
                    raise
                stop.wait(_POLL_SECONDS)
                continue
            if done.pause_seconds or not done.deliveries:
                stop.wait(min(0.5, done.pause_seconds or _POLL_SECONDS))

    def _unit_of_work(self) -> NotificationUnitOfWork:
        return _MortalUnitOfWork(self._engine, self._weather, self.is_dead)

    def _pool(self, calls: int, name: str) -> Executor:
        pool = ThreadPoolExecutor(calls, thread_name_prefix=name)
        self._pools.append(pool)
        return pool

    def _deliver(
        self,
        effect: Effect,
        attempt: AttemptDelivery,
        provider: str,
        gate: Gate,
        held_templates: Callable[[], Collection[str]],
        most: int,
        learn_elsewhere: LearnFromCallsElsewhere,
        together: Together | None,
    ) -> DeliverEffect:
        return DeliverEffect(
            effect,
            attempt,
            self._unit_of_work,
            provider=provider,
            gate=gate,
            pool=self._pool(_CALLS, provider),
            limits=_LIMITS,
            retry=_RETRY,
            held_templates=held_templates,
            learn_elsewhere=learn_elsewhere,
            together=together,
        )


class _MortalUnitOfWork(NotificationUnitOfWork):
    """A transaction whose process may end right before or right behind its commit."""

    def __init__(self, engine: Engine, weather: Weather, is_dead: threading.Event) -> None:
        super().__init__(engine, CONSUMER_GROUP)
        self._weather = weather
        self._is_dead = is_dead

    def commit(self) -> None:
        if self._is_dead.is_set():
            raise Killed
        number = self._weather.count("commits")
        kills = self._weather.kills
        if kills and number % _KILL_EVERY_COMMIT == 0:
            self._kill("killed before a commit")
        super().commit()
        if kills and number % _KILL_EVERY_COMMIT == _KILL_EVERY_COMMIT // 2:
            self._kill("killed after a commit")

    def _kill(self, what: str) -> None:
        self._weather.count(what)
        self._is_dead.set()
        raise Killed


@contextmanager
def supervised(engine: Engine, settings: ConsumerSettings, weather: Weather, number: int) -> Iterator[None]:
    """So many processes, each followed by another one when it dies."""
    stop = StopSignal()
    processes: list[Process] = []

    def start() -> Process:
        process = Process(engine, settings, weather)
        processes.append(process)
        process.start(stop)
        return process

    def supervise() -> None:
        alive = [start() for _ in range(number)]
        while not stop.is_set():
            alive = [start() if process.is_dead.is_set() else process for process in alive]
            stop.wait(_POLL_SECONDS)

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    try:
        yield
    finally:
        stop.set()
        supervisor.join(10)
        for process in processes:
            process.close()
    assert [process.failure for process in processes if process.failure] == []
