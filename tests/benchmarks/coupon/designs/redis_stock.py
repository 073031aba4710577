"""Stock in Redis, counted by a script; :mod:`redis_writer` writes to PostgreSQL later.

The script also queues what it has counted, so that nothing lies between counting and queueing: a version in
which the API queues in a second call loses more.
"""

import os

import redis
from flask import Flask, Response

from tests.benchmarks.coupon.designs.tables import DUPLICATE, ISSUED, SOLD_OUT, an_application, reply

QUEUE = "issued"

_OUTCOMES = {1: ISSUED, 0: SOLD_OUT, -1: DUPLICATE}
_TAKE = """
if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return -1 end
if tonumber(redis.call('GET', KEYS[1])) <= 0 then return 0 end
redis.call('DECR', KEYS[1])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('RPUSH', KEYS[3], ARGV[2] .. ':' .. ARGV[1])
return 1
"""


def stock_key(coupon_id: int) -> str:
    return f"coupon:{coupon_id}:stock"


def create_application() -> Flask:
    app = an_application(__name__)
    client = redis.Redis(port=int(os.environ["REDIS_PORT"]))
    take = client.register_script(_TAKE)

    @app.post("/api/v1/users/<int:user_id>/coupons/<int:coupon_id>/issue")
    def post(user_id: int, coupon_id: int) -> tuple[Response, int]:
        keys = [stock_key(coupon_id), f"coupon:{coupon_id}:users", QUEUE]
        return reply(_OUTCOMES[take(keys, [user_id, coupon_id])])

    return app
