"""The worker's connections."""

from coupon_service.config import WorkerSettings
from coupon_service.subscriptions import SUBSCRIPTIONS

RETENTION, UNDECIDED, DIFFERENCES, READINESS = 1, 1, 1, 1


def test_each_of_the_workers_threads_has_a_connection() -> None:
    size = WorkerSettings.model_fields["database_pool_size"].default
    assert size == len(SUBSCRIPTIONS) + RETENTION + UNDECIDED + DIFFERENCES + READINESS
