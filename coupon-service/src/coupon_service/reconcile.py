"""The composition root of ``coupon-service reconcile``."""

from functools import partial

from coupon_service.application.decide_requests import DecideRequests
from coupon_service.application.reconcile_requests import Progress, ReconcileRequests, Repair, Repaired
from coupon_service.application.recount_coupon import RecountCoupon
from coupon_service.application.send_requests_again import SendRequestsAgain
from coupon_service.config import ReconcileSettings
from coupon_service.domain.reconciling import Findings
from coupon_service.messaging.incoming_coupon_publish_requested import (
    CONSUMER_GROUP,
    CouponPublishRequestedHandler,
)
from coupon_service.messaging.outgoing_coupon_publish_requested import (
    COUPON_PUBLISH_REQUESTED,
    coupon_publish_requested,
)
from coupon_service.messaging.request_topic import KafkaRequestTopic
from coupon_service.persistence.stored_facts import SqlStoredFacts
from coupon_service.persistence.unit_of_work import CouponUnitOfWork
from servicekit.db.operated_engine import operated_engine
from servicekit.dead_letters.handled import HandledDeadLetters
from servicekit.messaging.dead_letter_operations import DeadLetterOperations
from servicekit.messaging.dead_letters import SUFFIX
from servicekit.messaging.topic_reader import operated_topic_reader

PROCESS = "coupon-reconcile"


def reconcile(
    settings: ReconcileSettings, *, repair: bool, max_ids: int, progress: Progress
) -> tuple[Findings, Repaired]:
    """Raises click's exception where the database or Kafka can't be used, and SchemaRefused."""
    topic = COUPON_PUBLISH_REQUESTED.topic
    with operated_engine(settings, PROCESS) as engine, operated_topic_reader(settings) as reader:
        unit_of_work = partial(CouponUnitOfWork, engine, CONSUMER_GROUP)
        handled = HandledDeadLetters(engine, topic + SUFFIX)
        handled.check_schema("coupon-service")
        handler = CouponPublishRequestedHandler(DecideRequests(unit_of_work))
        dead_letters = DeadLetterOperations(topic + SUFFIX, CONSUMER_GROUP, reader, handled, handler)
        repairs = Repair(
            SendRequestsAgain(unit_of_work, coupon_publish_requested), RecountCoupon(unit_of_work)
        )
        run = ReconcileRequests(
            SqlStoredFacts(engine, topic=topic, consumer_group=CONSUMER_GROUP),
            KafkaRequestTopic(topic, reader, dead_letters),
            repairs if repair else None,
            progress,
        )
        return run(max_ids)
