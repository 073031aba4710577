"""Do the providers' records and the database agree on who sent each message, and on what was delivered?"""

from collections import Counter
from collections.abc import Mapping, Sequence

from shop_demo.alimtalk_providers import FIRST, OWN, SECOND
from shop_demo.checks.findings import Findings
from shop_demo.facts import AlimtalkMessage, Delivery, OrderFacts
from shop_demo.summary import AlimtalkSummary


def check_alimtalk(facts: OrderFacts, findings: Findings) -> AlimtalkSummary:
    """The summary's figures; whatever contradicts another is added to `findings`."""
    events = {event.event_id for event in facts.outbox}
    messages = [message for message in facts.alimtalk_messages if message.event_id in events]
    deliveries = [delivery for delivery in facts.deliveries if delivery.effect == "ALIMTALK"]
    lost = [event_id for event_id in facts.replies_lost if event_id in events]
    delivered = [delivery for delivery in deliveries if _is_delivered(delivery)]
    results = [delivery for delivery in delivered if delivery.provider != OWN]
    by_webhook = [delivery for delivery in results if _is_by_webhook(delivery)]
    sent: Counter[str] = Counter()
    for message in messages:
        sent[message.provider] += message.sends
    _check_senders(messages, deliveries, findings)
    findings.expect_same_ids(
        "messages delivered, by final results",
        expected=(message.event_id for message in messages if message.is_delivered),
        found=(delivery.event_id for delivery in delivered),
    )
    findings.expect_none(
        "messages whose reply was lost, and that neither a look-up nor a webhook has found",
        sorted(set(lost) - facts.found_by_look_up - {each.event_id for each in by_webhook}),
    )
    _check_faults(sent, lost, findings, has_failed=facts.first_provider_failed)
    _check_webhooks(results, lost, facts.webhooks_dropped, findings)
    return AlimtalkSummary(
        by_provider=dict(sorted(sent.items(), reverse=True)),
        replies_lost=len(lost),
        delivered=len(delivered),
        by_webhook=len(by_webhook),
        by_query=len(results) - len(by_webhook),
    )


def _is_delivered(delivery: Delivery) -> bool:
    has_result = delivery.result_code is not None or delivery.provider == OWN
    return delivery.status == "DELIVERED" and has_result


def _is_by_webhook(delivery: Delivery) -> bool:
    """A webhook that comes after the first question counts as its answer."""
    return delivery.result_questions == 0


def _check_webhooks(
    results: Sequence[Delivery], lost: Sequence[str], dropped: Mapping[str, int], findings: Findings
) -> None:
    """Without any webhook, every result is asked for, and all else adds up.

    A message whose reply was lost may not be known by its id yet when its webhook comes.
    """
    for provider in (FIRST, SECOND):
        ours = [delivery for delivery in results if delivery.provider == provider]
        known = sum(delivery.event_id not in lost for delivery in ours)
        if known > dropped.get(provider, 0) and not any(map(_is_by_webhook, ours)):
            findings.expect(f"final results by a webhook of {provider}", expected="some", found=0)


def _check_senders(
    messages: Sequence[AlimtalkMessage], deliveries: Sequence[Delivery], findings: Findings
) -> None:
    providers = {message.provider for message in messages} | {each.provider for each in deliveries}
    for provider in sorted(providers - {None}, key=str):
        findings.expect_same_ids(
            f"messages by {provider}, by the database",
            expected=(message.event_id for message in messages if message.provider == provider),
            found=(each.event_id for each in deliveries if each.provider == provider),
        )


def _check_faults(
    sent: Mapping[str, int], lost: Sequence[str], findings: Findings, *, has_failed: bool
) -> None:
    """Faults that never happened would show nothing."""
    if sent.keys().isdisjoint({FIRST, SECOND}):
        return
    if not lost:
        findings.expect("messages whose reply was lost", expected="some", found=0)
    if has_failed and SECOND not in sent:
        what = f"messages by {SECOND} while {FIRST} failed"
        findings.expect(what, expected="some", found=0)
