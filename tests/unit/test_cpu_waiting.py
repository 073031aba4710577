"""A deadline of a test counts what a process does, and not what else its machine is busy with."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.cpu_waiting import CpuWaiting
from tests.support.waiting import wait_until

_SPIN = "while True: pass"


@contextmanager
def spinning() -> Iterator[int]:
    """A process that wants the only CPU that it may use, at the priority of the test."""
    process = subprocess.Popen([sys.executable, "-c", _SPIN])
    try:
        os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_process_that_shares_its_cpu_waits_for_it() -> None:
    with ExitStack() as stack:
        waiting = CpuWaiting(stack.enter_context(spinning()))
        stack.enter_context(spinning())
        wait_until(lambda: waiting.seconds() > 0.2, "the CPU to be shared")


def test_process_that_is_blocked_does_not_wait_for_a_cpu() -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"there?\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"there?\n"
        waiting = CpuWaiting(process.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert waiting.seconds() < 0.2
