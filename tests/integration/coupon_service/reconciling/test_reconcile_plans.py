"""What reconciliation's pages read of large tables, by PostgreSQL's plans."""

from collections.abc import Iterable
from contextlib import closing

import psycopg2
from sqlalchemy import Engine

from coupon_service.domain.reconciling import NumberRange, UndecidedRequests
from coupon_service.messaging.incoming_coupon_publish_requested import CONSUMER_GROUP
from coupon_service.persistence.stored_facts import SqlStoredFacts
from tests.support.clean_requests import COUPONS, fill
from tests.support.explained import tables_read_whole

REQUESTS = 20_000
SMALL_TABLES = {"coupon", "outbox_cursor", "outbox_dead_letter", "outbox_default"}


def test_no_page_reads_a_whole_large_table(engine: Engine, coupon_database_url: str) -> None:
    with closing(psycopg2.connect(coupon_database_url)) as connection:
        connection.autocommit = True
        fill(connection, REQUESTS)
    facts = SqlStoredFacts(
        engine, topic="coupon-publish-request", consumer_group=CONSUMER_GROUP, page_rows=500
    )
    undecided = UndecidedRequests()

    with tables_read_whole(engine) as read_whole:
        pages = (facts.requests(undecided), facts.outbox_events(undecided), facts.keys())
        compared = [sum(number for number, _ in table) for table in (*pages, facts.user_coupons())]
        each(facts.coupons())
        ranges = [NumberRange(coupon_id, 0, 500) for coupon_id in range(1, COUPONS + 1)]
        assert facts.missing_issue_numbers(ranges) == []
        assert facts.missing_decision_numbers(ranges) == []

    assert compared == [REQUESTS, REQUESTS, REQUESTS, REQUESTS // 2]
    assert read_whole - SMALL_TABLES == set()


def each(batches: Iterable[object]) -> None:
    for _ in batches:
        pass
