"""``python -m …redis_writer``: takes what the script has queued, and writes it to PostgreSQL in batches."""

import os
import signal
import sys

import redis
from sqlalchemy import text

from tests.benchmarks.coupon.designs.redis_stock import QUEUE
from tests.benchmarks.coupon.designs.tables import an_engine

_BATCH = 500
_INSERT = text(
    "INSERT INTO user_coupon (coupon_id, user_id)"
    " SELECT * FROM unnest(CAST(:coupons AS bigint[]), CAST(:users AS bigint[])) ON CONFLICT DO NOTHING"
)


def run() -> None:
    client = redis.Redis(port=int(os.environ["REDIS_PORT"]))
    engine = an_engine()
    while True:
        first = client.blpop([QUEUE], timeout=1)
        if first is None:
            continue
        queued = [first[1], *(client.lpop(QUEUE, _BATCH - 1) or [])]
        pairs = [entry.decode().split(":") for entry in queued]
        values = {"coupons": [int(coupon) for coupon, _ in pairs], "users": [int(user) for _, user in pairs]}
        with engine.begin() as connection:
            connection.execute(_INSERT, values)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    run()
