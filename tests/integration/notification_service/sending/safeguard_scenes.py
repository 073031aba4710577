"""Scenes in which a message would be doubled or lost, if one safeguard were missing."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from notification_service.application.delivering.failover import ReachOfFirst, ReachOfSecond
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.application.ports import Courier, MaySend
from notification_service.application.record_results import RecordResults
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.attempt import Receipt
from notification_service.domain.delivery import ClaimedDelivery
from notification_service.domain.final_result import SEND_AGAIN_SECONDS
from notification_service.domain.provider_state import ProbePolicy, StoppedBy, suspended
from servicekit.lifecycle import StopSignal
from tests.integration.alimtalk_providers.providers import NHN, SENS, SOLAPI
from tests.integration.alimtalk_providers.wire import Killed, kill, kill_at_reply, lose_reply
from tests.integration.notification_service.sending.safeguard_stage import PROCESSING_SECONDS, Passing, Stage

LEASE_SECONDS = 30.0
DEADLINE_SECONDS = 60
# Of the providers, the one that has nothing but look-ups against sending twice.
_POST = SENS.sends_at


def killed_after_the_call(stage: Stage) -> None:
    stage.wire(SENS).after(_POST, kill_at_reply)
    with pytest.raises(Killed):
        stage.attempt(SENS)
    stage.recover(SENS)


def killed_before_the_call(stage: Stage) -> None:
    stage.wire(SENS).before(_POST, kill)
    with pytest.raises(Killed):
        stage.attempt(SENS)
    stage.recover(SENS)


def reply_lost(stage: Stage) -> None:
    stage.wire(SENS).after(_POST, lose_reply)
    stage.attempt(SENS)
    stage.recover(SENS)


def request_that_arrives_late(stage: Stage) -> None:
    """Look-ups don't show it before."""
    stage.wire(SENS).delay(_POST)
    stage.attempt(SENS)
    for _ in range(3):
        stage.pass_time(PROCESSING_SECONDS / 5)
        stage.attempt(SENS)
    stage.wire(SENS).deliver()
    stage.recover(SENS)


@dataclass
class _StandsStill:
    """A courier whose process stands still before the call, until it is let go."""

    courier: Courier
    stands: threading.Event
    goes_on: threading.Event

    def __call__(self, delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        self.stands.set()
        assert self.goes_on.wait(DEADLINE_SECONDS)
        return self.courier(delivery, may_send)


def process_that_stands_still(stage: Stage) -> None:
    """Its lease ends, another one sends the message, and then it goes on."""
    stands, goes_on = threading.Event(), threading.Event()
    with (
        stage.consumer(SENS, around=lambda courier: _StandsStill(courier, stands, goes_on)) as frozen,
        ThreadPoolExecutor(1) as pool,
    ):
        frozen_process = pool.submit(frozen, StopSignal())
        try:
            assert stands.wait(DEADLINE_SECONDS)
            stage.pass_time(LEASE_SECONDS)
            stage.recover(SENS)
        finally:
            goes_on.set()
        frozen_process.result(DEADLINE_SECONDS)
    stage.recover(SENS)


def first_provider_down_after_a_lost_reply(stage: Stage) -> None:
    """The second one must leave it alone, until the first one is back and has it."""
    policy = ProbePolicy(suspended_seconds=600.0)
    first = ProviderGate(SOLAPI.name, 1_000.0, policy, 20.0, ReachOfFirst(NHN.name))
    second = ProviderGate(NHN.name, 1_000.0, policy, 20.0, ReachOfSecond(SOLAPI.name))
    with stage.transactions() as unit_of_work:
        unit_of_work.providers.watch([SOLAPI.name, NHN.name])
        unit_of_work.commit()
    stage.wire(SOLAPI).after(SOLAPI.sends_at, lose_reply)
    stage.attempt(SOLAPI, first)
    with stage.transactions() as unit_of_work:
        state = unit_of_work.providers.lock(SOLAPI.name)
        unit_of_work.providers.change(suspended(state, "1030", StoppedBy.CALL, policy))
        unit_of_work.commit()
    for _ in range(3):
        stage.pass_time(2 * PROCESSING_SECONDS)
        stage.attempt(NHN, second)
    stage.recover(SOLAPI)


@dataclass
class _Lags(Passing):
    """A provider whose look-ups show nothing yet, although its longest time has passed."""

    def find(self, message: AlimtalkMessage) -> str | None:
        return None


def look_ups_that_lag(stage: Stage) -> None:
    stage.wire(NHN).after(NHN.sends_at, lose_reply)
    stage.attempt(NHN)
    for _ in range(3):
        stage.pass_time(2 * PROCESSING_SECONDS)
        with stage.consumer(NHN, change=_Lags) as work:
            work(StopSignal())
    stage.recover(NHN)


def reversed_webhooks(stage: Stage) -> None:
    """A message fails by its provider's fault and is sent again. Then the failure is reported once more."""
    stage.doubles.control(nhn={"resultDelayMs": 0, "resultCode": "9998"})
    stage.attempt(NHN)
    failed = ProviderResult(stage.reference(), None, ResultState.FAILED, "9998")
    stage.doubles.control(nhn={"resultDelayMs": 0})
    record = RecordResults(stage.transactions)
    for _ in range(2):
        record(NHN.name, [failed])
        stage.pass_time(SEND_AGAIN_SECONDS)
        stage.recover(NHN)
