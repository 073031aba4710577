"""One coupon worker more than there should be."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from devstack.embedded_stack import EmbeddedStack


class SecondCouponWorker:
    """A worker with the environment of the stack's own; leave the block to end it, whatever happened."""

    def __init__(self, stack: EmbeddedStack, scratch: Path) -> None:
        pid = stack.info().services["coupon-worker"].pid
        # What the stack's own was started with, but for the port that it listens on.
        self._environment = {**psutil.Process(pid).environ(), "ADMIN_PORT": "0", "PATH": os.environ["PATH"]}
        self._log = scratch / "second-worker.log"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def terminate(self, timeout_seconds: float = 10.0) -> int:
        """SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout_seconds)

    def __enter__(self) -> Self:
        command = [str(Path(sys.executable).with_name("coupon-service")), "worker"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=self._environment, stderr=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
