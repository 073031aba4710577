"""``python -m …redis_writer``: takes what the script has queued, and writes it to PostgreSQL in batches.

What it has taken is in no other place until its commit, as in most published versions.
"""

import os

import redis
from sqlalchemy import text

from servicekit.lifecycle import StopSignal
from tests.benchmarks.coupon.designs.redis_stock import QUEUE
from tests.benchmarks.coupon.designs.tables import an_engine

_BATCH = 500
_INSERT = text(
    "INSERT INTO user_coupon (coupon_id, user_id)"
    " SELECT * FROM unnest(CAST(:coupons AS bigint[]), CAST(:users AS bigint[])) ON CONFLICT DO NOTHING"
)


def run(stop: StopSignal) -> None:
    client = redis.Redis(port=int(os.environ["REDIS_PORT"]))
    engine = an_engine()
    while not stop.is_set():
        first = client.blpop([QUEUE], timeout=1)
        if first is None:
            continue
        queued = [first[1], *(client.lpop(QUEUE, _BATCH - 1) or [])]
        pairs = [entry.decode().split(":") for entry in queued]
        values = {"coupons": [int(coupon) for coupon, _ in pairs], "users": [int(user) for _, user in pairs]}
        with engine.begin() as connection:
            connection.execute(_INSERT, values)


if __name__ == "__main__":
    signal_to_stop = StopSignal()
    signal_to_stop.install()
    run(signal_to_stop)
