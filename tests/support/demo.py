"""The demo as a process of its own: load, and the verdict on every number."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_COMMAND = Path(sys.executable).with_name("shop-demo")
# Variables of the shell that runs the tests must not steer them.
_OWN_VARIABLES = (
    "ORDERS",
    "USERS",
    "STOCK",
    "SEED",
    "LIMIT",
    "KAFKA",
    "STACK",
    "PROVIDERS",
    "GATEWAY",
    "DEVSTACK_PORTS",
)


class DemoProcess:
    """One run against the stack of ``directory``; leave the block to end it, whatever happened."""

    def __init__(self, directory: Path, scratch: Path, **options: int | str) -> None:
        self._directory = directory
        self._summary = scratch / "summary.json"
        self._output = scratch / "output.txt"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        return self._output.read_text()

    def finish(self, timeout_seconds: float = 240.0) -> dict[str, Any]:
        """Wait for the end; the summary, after making sure that everything adds up."""
        assert self._process is not None
        status = self._process.wait(timeout_seconds)
        assert status == 0, self.output
        summary: dict[str, Any] = json.loads(self._summary.read_text())
        assert summary["ok"], self.output
        return summary

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if name not in _OWN_VARIABLES}
        environment["DEVSTACK_DIRECTORY"] = str(self._directory)
        arguments = [part for name, value in self._options.items() for part in (f"--{name}", str(value))]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [str(_COMMAND), "--summary", str(self._summary), *arguments],
                env=environment, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=30)
        if error is not None:
            print(self.output)  # noqa: T201 - pytest shows it with the failure


def assert_nothing_lost_or_doubled(summary: Mapping[str, Any]) -> None:
    """What must hold after any abuse."""
    coupons, orders = summary["coupons"], summary["orders"]
    broken = {
        name: coupons[name]
        for name in ("undecided", "oversold", "duplicateIssues", "orderViolations")
        if coupons[name] != 0
    }
    assert broken == {}
    assert (orders["lost"], orders["duplicated"]) == (0, 0)
    assert orders["effects"] == dict.fromkeys(("alimtalk", "analytics", "monitoring"), orders["paid"])
