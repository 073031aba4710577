"""The former release's API and worker; its own interpreter runs this file: URL COUPON_ID USER_ID...

Requests the coupon for each user in turn (a new coupon where the id is 0), decides the requests, and prints
what the API then says of them, as JSON.
"""

import json
import sys
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

# The former release's, which today's types don't describe.
_config: Any = import_module("coupon_service.config")
_database: Any = import_module("coupon_service.persistence.database")
_deciding: Any = import_module("coupon_service.application.decide_requests")
_engine: Any = import_module("servicekit.db.engine")
_clock: Any = import_module("servicekit.clock")
_lifecycle: Any = import_module("servicekit.lifecycle")
_wsgi: Any = import_module("coupon_service.wsgi")

COUPON = {
    "name": "former",
    "totalQuantity": 10,
    "startsAt": "2020-01-01T00:00:00Z",
    "endsAt": "2999-01-01T00:00:00Z",
    "discount": {"type": "AMOUNT", "value": 1},
}


def main(url: str, coupon_id: int, user_ids: list[str]) -> None:
    engine = _engine.create_engine(_config.ApiSettings(database_url=url), "former")
    client = _wsgi.compose(engine, _lifecycle.StopSignal(), 1).test_client()
    if not coupon_id:
        coupon_id = client.post("/api/v1/coupons", json=COUPON).get_json()["couponId"]
    replies = [client.post(f"/api/v1/users/{user}/coupons/{coupon_id}/issue") for user in user_ids]
    ids = [reply.get_json()["requestId"] for reply in replies]
    with _database.CouponDatabase(engine).begin() as transaction:
        stored = transaction.requests.get_all([UUID(text_id) for text_id in ids])
    events = [_deciding.RequestToDecide(uuid4(), view.request) for _, view in sorted(stored.items())]
    _deciding.DecideRequests(_database.CouponDatabase(engine), _clock.SystemClock()).handle(events)
    requests = [client.get(f"/api/v1/coupon-requests/{text_id}").get_json() for text_id in ids]
    coupons = [client.get(f"/api/v1/users/{user}/coupons").get_json()["coupons"] for user in user_ids]
    outcomes = [request["reason"] or request["status"] for request in requests]
    held = [len(coupons_of_user) for coupons_of_user in coupons]
    sys.stdout.write(json.dumps({"couponId": coupon_id, "outcomes": outcomes, "held": held}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
