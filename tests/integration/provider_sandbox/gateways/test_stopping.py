"""The sandbox stops in time, whatever waits."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.integration.provider_sandbox.gateways.toss_client import TossClient
from tests.support.gateway_sandbox import serving_gateways
from tests.support.waiting import wait_until


def test_neither_pauses_nor_silent_receivers_delay_the_stop(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with serving_gateways(tmp_path / "gateways.sqlite", toss_webhook_url=url) as gateways:
            toss = TossClient(gateways.http)
            toss.confirm(gateways.buyer_pays()).raise_for_status()
            key = gateways.buyer_pays(order_id="order-2")
            gateways.fault("toss", {"call": "confirm", "kind": "time-out", "moment": "after"})
            paused = pool.submit(toss.confirm, key, "order-2")
            wait_until(lambda: gateways.requests("toss")[-1]["fault"], "the request to pause")
            began = time.monotonic()

        assert time.monotonic() - began < 8
        assert paused.done()
