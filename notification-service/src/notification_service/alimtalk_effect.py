"""The alimtalk's part of the consumer's composition root: for each provider, what sends and what asks."""

import math
import random
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Protocol

import httpx
import structlog

from notification_service.alimtalk.providers import create_provider, create_template_register
from notification_service.alimtalk_settings import ChosenProvider
from notification_service.application.ask_for_results import AskForResults
from notification_service.application.attempt_delivery import AttemptDelivery
from notification_service.application.attempt_together import AttemptTogether
from notification_service.application.check_templates import CheckTemplates
from notification_service.application.deliver_effect import HELD_CALLS, DeliverEffect
from notification_service.application.delivering.failover import ReachOfFirst, ReachOfSecond
from notification_service.application.delivering.provider_gate import ProviderGate
from notification_service.application.delivering.question_gate import QuestionGate
from notification_service.application.delivering.turns import Together
from notification_service.application.hold_unapproved import HoldUnapproved
from notification_service.application.keep_messages_in_order import KeepMessagesInOrder
from notification_service.application.keep_quiet_hours import KeepQuietHours
from notification_service.application.learn_from_calls_elsewhere import LearnFromCallsElsewhere
from notification_service.application.leave_to_first_provider import LeaveToFirstProvider
from notification_service.application.ports import (
    AlimtalkProvider,
    CheckDelivery,
    Courier,
    DeliveryWork,
    Gate,
    UnitOfWork,
    UnitOfWorkFactory,
)
from notification_service.application.record_results import RecordResults
from notification_service.application.send_alimtalk import SendAlimtalk
from notification_service.application.send_together import SendTogether
from notification_service.application.write_alimtalk import WriteAlimtalk
from notification_service.config import ConsumerSettings
from notification_service.domain.claim_reach import EVERYTHING, ClaimReach
from notification_service.domain.delivery import Effect
from notification_service.domain.provider_state import ProbePolicy, after_look_ups
from notification_service.domain.retry_policy import RetryPolicy
from notification_service.domain.template_catalog import TemplateCatalog
from notification_service.metrics import count_call
from servicekit.db.errors import is_bug

# Of DELIVERY_PARALLELISM: SENS is asked about one message a call, while as many are sent.
CALLS_FOR_RESULTS = 2
_MOST_RESULTS = 1_000
# Of the provider's limit. Three processes hold three times as much, and claim again at half of it.
_HELD_SECONDS = 0.25
# A provider that hangs keeps the message that tries it: that is seldomer, while another one sends.
_LONGER_BESIDE_ANOTHER = 4

_log = structlog.get_logger(__name__)


class MakeDelivery(Protocol):
    """Makes the work that delivers an effect, with threads of its own."""

    def __call__(
        self,
        effect: Effect,
        attempt: AttemptDelivery,
        provider: str,
        gate: Gate,
        held_templates: Callable[[], Collection[str]],
        most: int,
        learn_elsewhere: LearnFromCallsElsewhere,
        together: Together | None,
    ) -> DeliverEffect: ...


def connections_for(settings: ConsumerSettings) -> int:
    """How many connections the alimtalk's calls need, so that none waits for another: of sending, asking for
    results, and templates, which are asked for one by one."""
    calls = (1 + CALLS_FOR_RESULTS) * settings.delivery_parallelism + 1
    return len(settings.alimtalk_chosen) * calls


@dataclass(frozen=True)
class AlimtalkEffect:
    """Both providers' work, or the only one's."""

    settings: ConsumerSettings
    templates: TemplateCatalog
    client: httpx.Client
    unit_of_work: UnitOfWorkFactory
    retry: RetryPolicy
    deliver: MakeDelivery
    make_pool: Callable[[int, str], Executor]
    probes: ProbePolicy

    @cached_property
    def providers(self) -> Mapping[str, AlimtalkProvider]:
        """By name, the first one first."""
        chosen = self.settings.alimtalk_chosen
        return {each.name: create_provider(self.settings, self.client, each.name) for each in chosen}

    @cached_property
    def check_first_templates(self) -> CheckTemplates:
        return self._check_templates(self.settings.alimtalk_first)

    def work_by_name(self) -> Mapping[str, DeliveryWork]:
        """By the names of their threads."""
        work_by_name = self._work_at(self.settings.alimtalk_first, self.check_first_templates)
        second = self.settings.alimtalk_second
        if second is not None:
            for name, work in self._work_at(second, self._check_templates(second)).items():
                work_by_name[f"{name}_SECOND"] = work
        return work_by_name

    def _work_at(self, chosen: ChosenProvider, check_templates: CheckTemplates) -> dict[str, DeliveryWork]:
        without_id = self._codes_without_id(chosen)
        attempt, together = self._attempts(chosen, check_templates)
        return {
            Effect.ALIMTALK: self.deliver(
                Effect.ALIMTALK,
                attempt,
                chosen.name,
                self._gate(chosen),
                lambda: check_templates.held() | without_id,
                self._most_held(chosen),
                self._learn_elsewhere(chosen),
                together,
            ),
            "ALIMTALK_RESULTS": self._ask_for_results(chosen),
            "ALIMTALK_TEMPLATES": check_templates,
        }

    def _most_held(self, chosen: ChosenProvider) -> int:
        """How many messages a process claims ahead, so that no slot is lost while it waits for the database.

        After a crash, what was sent of them is unknown: none are claimed ahead if the provider can't say.
        """
        if not self.providers[chosen.name].can_look_up:
            return 0
        at_limit = math.ceil(_HELD_SECONDS * chosen.messages_per_second)
        return min(at_limit, HELD_CALLS * self.settings.delivery_parallelism)

    def _attempts(
        self, chosen: ChosenProvider, check_templates: CheckTemplates
    ) -> tuple[AttemptDelivery, Together | None]:
        """At one message, and at several together if the provider takes such."""
        settings, provider = self.settings, self.providers[chosen.name]
        write = WriteAlimtalk(
            self.templates,
            has_sms=chosen.has_sms,
            codes_with_ids=self.templates.codes - self._codes_without_id(chosen),
        )
        others = [other for name, other in self.providers.items() if name != chosen.name]
        send = SendAlimtalk(provider, chosen.processing_seconds, write, others)
        courier: Courier = send
        # Writing checks the text: together, a message is only written.
        check_text: CheckDelivery = write
        if settings.alimtalk_first.has_sms and not chosen.has_sms:
            left = LeaveToFirstProvider(send, write)
            courier, check_text = left, left.check
        held = HoldUnapproved(courier, check_templates.obstacle_of, check_templates.doubt)
        courier = held
        checks: list[CheckDelivery] = [held.check]
        if settings.quiet_hours is not None:
            quiet = KeepQuietHours(held, settings.quiet_hours, partial(datetime.now, UTC))
            courier = quiet
            checks.insert(0, quiet.check)
        # Last of all couriers, hence asked first: it waits for what waits for the others.
        in_order = KeepMessagesInOrder(courier)
        courier = in_order
        checks.insert(0, in_order.check)
        count = partial(count_call, chosen.name)
        attempt = AttemptDelivery(
            Effect.ALIMTALK, courier, self.retry, random.random, count, [*checks, check_text]
        )
        if provider.batches is None:
            return attempt, None
        send_together = SendTogether(provider, provider.batches, write, checks=checks, doubt=held.doubt)
        together = AttemptTogether(attempt, send_together)
        return attempt, Together(send_together.most, send_together.place_of, together)

    def _gate(self, chosen: ChosenProvider) -> ProviderGate:
        policy = self.probes
        if self.settings.alimtalk_second is not None:
            policy = replace(policy, cap_seconds=_LONGER_BESIDE_ANOTHER * policy.cap_seconds)
        lease_seconds = self.settings.delivery_lease_seconds
        reach = self._reach(chosen)
        return ProviderGate(chosen.name, chosen.messages_per_second, policy, lease_seconds, reach)

    def _learn_elsewhere(self, chosen: ChosenProvider) -> LearnFromCallsElsewhere:
        others = self.providers.keys() - {chosen.name}
        gates = {name: QuestionGate(name, self.probes, after_look_ups) for name in others}
        return LearnFromCallsElsewhere(self.unit_of_work, gates)

    def _reach(self, chosen: ChosenProvider) -> Callable[[UnitOfWork], ClaimReach]:
        first, second = self.settings.alimtalk_first, self.settings.alimtalk_second
        if second is None:
            return lambda _: EVERYTHING
        return ReachOfFirst(second.name) if chosen == first else ReachOfSecond(first.name)

    def _codes_without_id(self, chosen: ChosenProvider) -> frozenset[str]:
        """Of templates that the provider knows by an id of its own, which isn't set."""
        ids = chosen.template_ids
        return frozenset() if ids is None else self.templates.codes - ids[1].keys()

    def _check_templates(self, chosen: ChosenProvider) -> CheckTemplates:
        register = create_template_register(self.settings, self.client, chosen.name)
        if register is None:
            _log.info("alimtalk_templates_not_checked", provider=chosen.name)
        return CheckTemplates(register, self.templates, self.settings.alimtalk_locale)

    def _ask_for_results(self, chosen: ChosenProvider) -> AskForResults:
        provider = self.providers[chosen.name]
        calls = CALLS_FOR_RESULTS * self.settings.delivery_parallelism
        return AskForResults(
            provider,
            self.unit_of_work,
            RecordResults(self.unit_of_work, self.probes, self.retry),
            pool=self.make_pool(calls, f"{chosen.name}-results"),
            batch_size=min(_MOST_RESULTS, 2 * calls * (provider.results_at_once or _MOST_RESULTS)),
            # Two rounds of the pool: other processes may take what a slow one left.
            most_calls=2 * calls,
            expire_after_seconds=self.settings.alimtalk_result_hours * 3600.0,
            gate=QuestionGate(provider.name, self.probes, calls_per_second=chosen.messages_per_second),
            others=self.providers.keys(),
            is_bug=is_bug,
        )
