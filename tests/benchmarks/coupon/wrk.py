"""Pressing as fast as the answers come: wrk, with a user of its own for each request."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).with_name("press.lua")
_SPARE_SECONDS = 60


@dataclass(frozen=True)
class Pressed:
    """``below_400`` of ``requests`` answers say yes; latencies are wrk's, from sending to the answer."""

    requests: int
    seconds: float
    below_400: int
    socket_errors: int
    p50_ms: float
    p99_ms: float


def press(url: str, coupon_id: int, *, connections: int, seconds: int, with_keys: bool) -> Pressed:
    """The same users in each call. One thread of wrk is enough for two cores."""
    command = [
        "wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s",
        "--timeout", "30s", "--script", str(_SCRIPT), url,
        "--", str(coupon_id), "keys" if with_keys else "none",
    ]  # fmt: skip
    output = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=seconds + _SPARE_SECONDS
    ).stdout
    figures = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    return Pressed(
        requests=figures["requests"],
        seconds=figures["seconds"],
        below_400=figures["requests"] - figures["above_399"],
        socket_errors=figures["socket_errors"],
        p50_ms=figures["p50_ms"],
        p99_ms=figures["p99_ms"],
    )
