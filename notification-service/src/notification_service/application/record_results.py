"""Recording what a provider reports of messages that it accepted."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from notification_service.application.learn_from_results import LearnFromResults
from notification_service.application.ports import UnitOfWork, UnitOfWorkFactory
from notification_service.domain.alimtalk_codes import codes_of
from notification_service.domain.alimtalk_results import ProviderResult, ResultState
from notification_service.domain.awaited_result import (
    AcceptedMessage,
    Contradiction,
    FormerMessage,
    Settlement,
)
from notification_service.domain.delivery import DeliveryStatus
from notification_service.domain.failure_reason import FailureReason
from notification_service.domain.final_result import (
    MOST_MESSAGES,
    SEND_AGAIN_SECONDS,
    is_sent_again,
    may_be_doubled,
    status_after,
    status_after_contradiction,
    stops_provider,
)
from notification_service.domain.provider_state import ProbePolicy
from notification_service.domain.retry_policy import RetryPolicy

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecordedResults:
    """How many deliveries changed, and how many of the results were of messages that are not known here.

    ``doubled``: how many of the results show that a recipient may have got another message, too.
    """

    changed: int
    unknown: int
    doubled: int = 0


class RecordResults:
    """Records results in one transaction, in whatever order and however often they come.

    A message that failed by a fault of the provider or of our account is sent again later, unless it would be
    given up by now: then it has failed. If the account is at fault, the provider is suspended, too.

    A message may not be known here: its webhook can overtake our own record of its acceptance. That result is
    not kept, because the provider is asked for it soon after the acceptance is recorded.

    A message that had failed, and is to be sent again, may yet be reported as delivered; so may one that was
    lost at a provider, when another one has sent the next. The delivery is DELIVERED unless the next message
    is under way or has arrived. Then log and history say that the recipient may have got two. A message whose
    reply was lost is found by our reference, also once its delivery was given up.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        policy: ProbePolicy | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._learn = LearnFromResults(policy or ProbePolicy())
        self._retry = retry or RetryPolicy()

    def __call__(self, provider: str, results: Sequence[ProviderResult]) -> RecordedResults:
        by_message: defaultdict[str, list[ProviderResult]] = defaultdict(list)
        for result in results:
            by_message[result.message_id].append(result)
        if not by_message:
            return RecordedResults(0, 0)
        with self._unit_of_work() as unit_of_work:
            found = unit_of_work.results.lock(provider, by_message)
            settlements = [
                settlement
                for accepted in found
                if (settlement := _settlement(accepted, by_message[accepted.message_id]))
            ]
            lesson = self._learn.lesson(unit_of_work, provider, settlements)
            sent_again = _send_again(unit_of_work, provider, settlements, self._retry)
            final = [one for one in settlements if one.delivery_id not in sent_again]
            if final:
                unit_of_work.results.settle(final)
            # Last: deliveries are locked before their provider, here and wherever calls are recorded.
            self._learn(unit_of_work, lesson)
            unit_of_work.commit()
        _log_settlements(final, sent_again)
        known = {accepted.message_id for accepted in found}
        settled = {accepted.message_id for accepted in found if accepted.delivery_id not in sent_again}
        contradictions = [
            *self._contradict(provider, _arrived(results, apart_from=settled), _lock_failed),
            *self._contradict(provider, _arrived(results, apart_from=known), _lock_freed),
        ]
        known |= {each.message.message_id for each in contradictions}
        return RecordedResults(
            len(settlements),
            unknown=sum(result.message_id not in known for result in results),
            doubled=sum(each.may_be_doubled for each in contradictions),
        )

    def _contradict(
        self,
        provider: str,
        arrived: Mapping[str, ProviderResult],
        lock: Callable[[UnitOfWork, str, Mapping[str, ProviderResult]], Sequence[FormerMessage]],
    ) -> Sequence[Contradiction]:
        """Record that former messages did arrive.

        A transaction of its own: it locks deliveries in an order of its own.
        """
        if not arrived:
            return []
        with self._unit_of_work() as unit_of_work:
            contradictions = [
                _contradiction(message, arrived[message.message_id])
                for message in lock(unit_of_work, provider, arrived)
            ]
            if contradictions:
                unit_of_work.results.contradict(provider, contradictions)
            unit_of_work.commit()
        for each in contradictions:
            _log.warning(
                _event(each.message),
                delivery_id=str(each.message.delivery_id),
                provider=provider,
                message_id=each.message.message_id,
                code=each.code,
                is_settled=each.is_settled,
                may_be_doubled=each.may_be_doubled,
            )
        return contradictions


def _arrived(results: Sequence[ProviderResult], apart_from: Collection[str]) -> Mapping[str, ProviderResult]:
    return {
        result.message_id: result
        for result in results
        if result.state is ResultState.DELIVERED and result.message_id not in apart_from
    }


def _lock_failed(
    unit_of_work: UnitOfWork, provider: str, arrived: Mapping[str, ProviderResult]
) -> Sequence[FormerMessage]:
    return unit_of_work.results.lock_failed(provider, arrived)


def _lock_freed(
    unit_of_work: UnitOfWork, provider: str, arrived: Mapping[str, ProviderResult]
) -> Sequence[FormerMessage]:
    references = {key: result.reference for key, result in arrived.items() if result.reference is not None}
    return unit_of_work.results.lock_freed(provider, references) if references else []


def _contradiction(message: FormerMessage, result: ProviderResult) -> Contradiction:
    is_settled = status_after_contradiction(message.status) is not message.status
    is_doubled = may_be_doubled(message.status) and not message.is_only
    return Contradiction(message, result.code, result.by_sms, is_settled, is_doubled)


def _event(message: FormerMessage) -> str:
    """The log's name for its arrival."""
    if message.is_only:
        return "unknown_message_arrived"
    return "failed_message_arrived" if message.attempt is None else "freed_message_arrived"


def _send_again(
    unit_of_work: UnitOfWork, provider: str, settlements: Sequence[Settlement], retry: RetryPolicy
) -> set[UUID]:
    """Make those due again that failed by no fault of theirs, unless too many of their messages have."""
    codes = codes_of(provider)
    failed = {one.delivery_id: one.code for one in settlements if is_sent_again(one, codes)}
    if not failed:
        return set()
    return unit_of_work.results.send_again(
        failed,
        by_account={one.delivery_id for one in settlements if stops_provider(one, codes)},
        pause_seconds=SEND_AGAIN_SECONDS,
        most_messages=MOST_MESSAGES,
        retry=retry,
    )


def _log_settlements(settlements: Sequence[Settlement], sent_again: Iterable[UUID]) -> None:
    for delivery_id in sent_again:
        _log.warning("delivery_sent_again", delivery_id=str(delivery_id))
    for settlement in settlements:
        _log.info(
            "delivery_settled",
            delivery_id=str(settlement.delivery_id),
            status=settlement.status.value,
            code=settlement.code,
            by_sms=settlement.by_sms,
            is_late=settlement.is_late,
        )


def _settlement(accepted: AcceptedMessage, results: Sequence[ProviderResult]) -> Settlement | None:
    """What ``results``, one after the other, make of the delivery; None if they change nothing."""
    status = accepted.status
    decisive: ProviderResult | None = None
    for result in results:
        # Of another message with this id.
        if result.reference not in (None, accepted.reference):
            continue
        new = status_after(status, result)
        if new is not status:
            status, decisive = new, result
    if decisive is None:
        return None
    reason = FailureReason.NOT_DELIVERED if status is DeliveryStatus.FAILED else None
    is_late = accepted.status is DeliveryStatus.EXPIRED
    return Settlement(accepted.delivery_id, status, decisive.code, decisive.by_sms, reason, is_late)
