"""Comparing everything that is stored about requests with each other and with the topic."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from coupon_service.application.ports import Page, RequestTopic, StoredFacts
from coupon_service.application.recount_coupon import RecountCoupon
from coupon_service.application.send_requests_again import SendRequestsAgain
from coupon_service.domain.reconciling import (
    GETS_EVENT_AGAIN,
    GETS_RECOUNTED,
    NEVER_REMOVED_WITHIN,
    DifferenceKind,
    Findings,
    NumberRange,
    UndecidedRequests,
    Waiting,
    counter_differences,
    ranges_of,
    why_undecided,
)
from coupon_service.domain.suspect_records import SuspectRecords

NUMBERS_AT_A_TIME = 50_000
_REQUESTS_AT_A_TIME = 5_000


@dataclass(frozen=True, slots=True)
class Repair:
    """What is safe to mend."""

    send_again: SendRequestsAgain
    recount: RecountCoupon


@dataclass(slots=True)
class Repaired:
    """What was mended."""

    sent_again: int = 0
    recounted: int = 0
    not_recounted: int = 0


Progress = Callable[[str, int, int], None]
"""What is compared, how many of it have been, and about how many there are."""


class ReconcileRequests:
    """Compares in an order in which data that moves meanwhile make no difference.

    Requests and events are read before the topic, and the topic before the worker's offsets: what a later
    one lacks, it has lost. What then seems undecided is looked up once more.
    """

    def __init__(
        self, stored: StoredFacts, topic: RequestTopic, repair: Repair | None, progress: Progress
    ) -> None:
        self._stored = stored
        self._topic = topic
        self._repair = repair
        self._progress = progress

    def __call__(self, max_ids: int) -> tuple[Findings, Repaired]:
        """Returns the first ``max_ids`` ids of each kind. Without a ``repair``, nothing is changed."""
        findings, repaired = Findings(max_ids), Repaired()
        undecided = UndecidedRequests()
        estimates = self._stored.estimates()
        stored = self._stored
        for name, pages in (
            ("requests", stored.requests(undecided)),
            ("outbox_events", stored.outbox_events(undecided)),
        ):
            self._take(name, pages, estimates.get(name, 0), findings)
        foreign, of_undecided = SuspectRecords(), SuspectRecords()
        self._read_topic(undecided, foreign, of_undecided, findings)
        # Before the dead letters: the worker writes one before it goes on.
        next_offsets = stored.next_offsets(self._topic.identity())
        for place, state in self._topic.dead_letters():
            foreign.saw_letter(place, state)
            of_undecided.saw_letter(place, state)
        for (partition, offset), letter in foreign:
            if letter in {None, "OPEN"}:
                findings.add(DifferenceKind.FOREIGN_RECORD, f"{partition}:{offset}")
        self._judge(undecided, next_offsets, of_undecided, findings, repaired)
        for name, pages in (
            ("user_coupons", stored.user_coupons()),
            ("orders", stored.orders()),
            ("keys", stored.keys()),
        ):
            self._take(name, pages, estimates.get(name, 0), findings)
        self._compare_counters(estimates.get("coupons", 0), findings, repaired)
        return findings, repaired

    def _take(self, name: str, pages: Iterable[Page], about: int, findings: Findings) -> None:
        for number, found in pages:
            findings.compared[name] += number
            for kind, identity in found:
                findings.add(kind, identity)
            self._progress(name, findings.compared[name], about)

    def _read_topic(
        self,
        undecided: UndecidedRequests,
        foreign: SuspectRecords,
        of_undecided: SuspectRecords,
        findings: Findings,
    ) -> None:
        """``foreign`` gets records without an effect, and ``of_undecided`` those of undecided requests."""
        about = self._topic.size()
        oldest = self._stored.now() - NEVER_REMOVED_WITHIN
        for batch in self._topic.records():
            events = [record.event for record in batch if record.event is not None]
            refused = self._stored.refused(events)
            for record in batch:
                if record.event is not None and record.event.event_id not in refused:
                    if undecided.saw_record(record.event.request_id, record.place):
                        of_undecided.add(record.place)
                elif record.written_at > oldest:
                    foreign.add(record.place)
            findings.compared["topic_records"] += len(batch)
            self._progress("topic_records", findings.compared["topic_records"], about)
        for gap in self._topic.gaps():
            findings.add(DifferenceKind.TOPIC_RECORDS_GONE, gap)

    def _judge(
        self,
        undecided: UndecidedRequests,
        next_offsets: Mapping[int, int],
        records: SuspectRecords,
        findings: Findings,
        repaired: Repaired,
    ) -> None:
        waiting = iter(undecided)
        while chunk := list(islice(waiting, _REQUESTS_AT_A_TIME)):
            still = self._stored.still_undecided([request_id for request_id, _, _ in chunk])
            lost = []
            for request_id, event, place in chunk:
                if request_id not in still:
                    continue
                why = why_undecided(event, place, next_offsets, records.letter_of)
                if isinstance(why, Waiting):
                    findings.waiting[why] += 1
                    continue
                findings.add(why, request_id)
                if why in GETS_EVENT_AGAIN:
                    lost.append(request_id)
            if self._repair is not None and lost:
                repaired.sent_again += self._repair.send_again(lost)

    def _compare_counters(self, about: int, findings: Findings, repaired: Repaired) -> None:
        for counts in self._stored.coupons():
            for count in counts:
                found = counter_differences(count)
                for kind, identity in found:
                    findings.add(kind, identity)
                if self._repair is not None and any(kind in GETS_RECOUNTED for kind, _ in found):
                    is_done = self._repair.recount(count.coupon_id)
                    repaired.recounted += is_done
                    repaired.not_recounted += not is_done
            issued = [
                (count.coupon_id, min(count.issued_quantity, count.highest_issue_number)) for count in counts
            ]
            for ranges in ranges_of(issued, NUMBERS_AT_A_TIME):
                for gap in self._stored.missing_issue_numbers(ranges):
                    findings.add(DifferenceKind.ISSUE_NUMBER_MISSING, _said(gap))
            decided = [(count.coupon_id, count.decided_count) for count in counts]
            for ranges in ranges_of(decided, NUMBERS_AT_A_TIME):
                for gap in self._stored.missing_decision_numbers(ranges):
                    findings.add(DifferenceKind.DECISION_NUMBER_MISSING, _said(gap))
            findings.compared["coupons"] += len(counts)
            self._progress("coupons", findings.compared["coupons"], about)


def _said(gap: NumberRange) -> str:
    first, last = gap.after + 1, gap.until
    return f"{gap.coupon_id} (number {first})" if first == last else f"{gap.coupon_id} ({first} to {last})"
