"""Each safeguard against doubled and lost messages is needed: without it, its scene goes wrong."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Engine, Uuid, text

from notification_service.application.ports import AlimtalkProvider, Courier, MaySend
from notification_service.domain.alimtalk_message import AlimtalkMessage
from notification_service.domain.attempt import Receipt
from notification_service.domain.awaited_result import AcceptedMessage
from notification_service.domain.claim_reach import EVERYTHING, ClaimReach
from notification_service.domain.delivery import ClaimedDelivery, DeliveryStatus, Effect
from notification_service.domain.errors import OutcomeUnknown, ReceiverUnavailable
from notification_service.persistence.claims import SqlClaims
from notification_service.persistence.results import SqlResults
from notification_service.persistence.unit_of_work import NotificationUnitOfWork
from tests.integration.notification_service.sending import safeguard_scenes as scenes
from tests.integration.notification_service.sending.safeguard_stage import Parts, Passing, Stage, a_stage
from tests.integration.provider_sandbox.doubles import Doubles, serving_doubles


class _Claims(SqlClaims):
    has_claimed = False
    """Whether this transaction has."""
    ends_leases = True

    def claim(
        self,
        effect: Effect,
        limit: int,
        lease_seconds: float,
        provider: str,
        held_templates: Collection[str] = (),
        *,
        sends_only: bool = False,
        reach: ClaimReach = EVERYTHING,
    ) -> Sequence[ClaimedDelivery]:
        self.has_claimed = True
        if not self.ends_leases:
            self._connection.execute(text("UPDATE delivery SET due_at = 'infinity' WHERE status = 'SENDING'"))
        return super().claim(
            effect, limit, lease_seconds, provider, held_templates, sends_only=sends_only, reach=reach
        )


class AttemptsAreNotStored(NotificationUnitOfWork):
    """What is called for was never committed."""

    def opened(self) -> None:
        super().opened()
        self.claims = self._watched = _Claims(self.connection)

    def commit(self) -> None:
        if not self._watched.has_claimed:
            super().commit()


class LeasesNeverEnd(NotificationUnitOfWork):
    """What a killed process held stays its own."""

    def opened(self) -> None:
        super().opened()
        self.claims = claims = _Claims(self.connection)
        claims.ends_leases = False


class _AnyMessage(SqlResults):
    def lock(self, provider: str, message_ids: Collection[str]) -> list[AcceptedMessage]:
        statement = text(
            "SELECT delivery_id, event_id, status FROM delivery WHERE provider = :provider"
            " AND accepted_at IS NOT NULL FOR UPDATE"
        ).columns(delivery_id=Uuid, event_id=Uuid)
        rows = self._connection.execute(statement, {"provider": provider})
        reported = next(iter(message_ids))
        return [
            AcceptedMessage(row.delivery_id, str(row.event_id), reported, DeliveryStatus(row.status))
            for row in rows
        ]


class ResultsAreNotCompared(NotificationUnitOfWork):
    """A reported result is taken for that of the message that is awaited now."""

    def opened(self) -> None:
        super().opened()
        self.results = _AnyMessage(self.connection)


class NothingIsLookedUp(Passing):
    """Every look-up would find nothing."""

    def find(self, message: AlimtalkMessage) -> str | None:
        return None


class UnknownCountsAsNotSent(Passing):
    """An unknown outcome frees the message for any provider."""

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        try:
            return super().send(message, may_send)
        except OutcomeUnknown as error:
            raise ReceiverUnavailable(error.reason, str(error)) from error


@dataclass
class EachAttemptHasItsKey(Passing):
    """The provider can't know a repetition by its key."""

    attempts: int = 0

    def send(self, message: AlimtalkMessage, may_send: MaySend) -> str:
        self.attempts += 1
        other_ids = frozenset(f"attempt-{number}" for number in range(self.attempts))
        return super().send(replace(message, failed_ids=message.failed_ids | other_ids), may_send)


def lease_is_not_checked(courier: Courier) -> Courier:
    def attempt(delivery: ClaimedDelivery, may_send: MaySend) -> Receipt:
        return courier(delivery, lambda: True)

    return attempt


@dataclass(frozen=True)
class Safeguard:
    """``scene`` needs it; ``missing`` are the parts without it, and ``then`` what comes of that."""

    scene: Callable[[Stage], None]
    missing: Parts
    then: str
    kept: str = "sent 1 times, ACCEPTED"


def _changed(provider: Callable[[AlimtalkProvider], AlimtalkProvider]) -> Parts:
    return Parts(provider=provider)


SAFEGUARDS = {
    "attempts are stored before the call": Safeguard(
        scenes.killed_after_the_call, Parts(unit_of_work=AttemptsAreNotStored), "sent 6 times, PENDING"
    ),
    "leases end": Safeguard(
        scenes.killed_before_the_call, Parts(unit_of_work=LeasesNeverEnd), "sent 0 times, SENDING"
    ),
    "a look-up comes before a repetition": Safeguard(
        scenes.reply_lost, _changed(NothingIsLookedUp), "sent 2 times, ACCEPTED"
    ),
    "the longest processing time is waited for": Safeguard(
        scenes.request_that_arrives_late, Parts(processing_seconds=0.0), "sent 2 times, ACCEPTED"
    ),
    "the lease is checked before the call": Safeguard(
        scenes.process_that_stands_still, Parts(courier=lease_is_not_checked), "sent 2 times, ACCEPTED"
    ),
    "an unknown outcome stays with its provider": Safeguard(
        scenes.first_provider_down_after_a_lost_reply,
        _changed(UnknownCountsAsNotSent),
        "sent 2 times, ACCEPTED",
    ),
    "a repetition has the first key": Safeguard(
        scenes.look_ups_that_lag, _changed(EachAttemptHasItsKey), "sent 2 times, ACCEPTED"
    ),
    "results are compared with what is awaited": Safeguard(
        scenes.reversed_webhooks,
        Parts(unit_of_work=ResultsAreNotCompared),
        "sent 3 times, ACCEPTED",
        # The first one failed.
        kept="sent 2 times, ACCEPTED",
    ),
}
each_safeguard = pytest.mark.parametrize("safeguard", SAFEGUARDS.values(), ids=SAFEGUARDS)


@pytest.fixture(scope="module")
def running_doubles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doubles]:
    with serving_doubles(tmp_path_factory.mktemp("doubles") / "sandbox.sqlite") as doubles:
        yield doubles


@pytest.fixture
def doubles(running_doubles: Doubles) -> Doubles:
    running_doubles.reset()
    return running_doubles


def played(
    safeguard: Safeguard, parts: Parts, engine: Engine, doubles: Doubles, patch: pytest.MonkeyPatch
) -> str:
    with a_stage(engine, doubles, parts, patch) as stage:
        safeguard.scene(stage)
        return stage.seen()


@each_safeguard
def test_with_all_safeguards_nothing_is_doubled_or_lost(
    safeguard: Safeguard, engine: Engine, doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert played(safeguard, Parts(), engine, doubles, monkeypatch) == safeguard.kept


@each_safeguard
def test_without_a_safeguard_its_scene_goes_wrong(
    safeguard: Safeguard, engine: Engine, doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert played(safeguard, safeguard.missing, engine, doubles, monkeypatch) == safeguard.then
