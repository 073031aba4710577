"""A start that is interrupted leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from devstack.processes import KEEPER, Processes, ProcessSpec
from devstack.stack_directory import StackDirectory
from tests.support.waiting import wait_until

COMMAND = Path(sys.executable).with_name("devstack")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_up_stops_what_it_had_started(number: signal.Signals, directory: Path) -> None:
    environment = {**os.environ, "DEVSTACK_DIRECTORY": str(directory), "DEVSTACK_PORTS": "free"}
    for name in ("KAFKA", "STACK"):
        environment.pop(name, None)
    up = subprocess.Popen([COMMAND, "up"], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: StackDirectory(directory).active(), "the first process to run", 60)

        up.send_signal(number)
        _, complaint = up.communicate(timeout=60)

        assert (up.returncode, complaint) == (130, "devstack: interrupted\n")
        assert StackDirectory(directory).active() == []
    finally:
        up.kill()
        up.wait()
        subprocess.run([COMMAND, "down"], env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _interrupted_by(number: signal.Signals) -> Iterator[None]:
    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(number, interrupt)
    try:
        yield
    finally:
        signal.signal(number, former)


def test_a_process_whose_start_is_interrupted_is_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = Processes(tmp_path)
    slow_keeper = tmp_path / "slow_keeper.py"
    slow_keeper.write_text(
        f"import runpy, time; time.sleep(1); runpy.run_path({str(KEEPER)!r}, run_name='__main__')"
    )
    monkeypatch.setattr("devstack.processes.KEEPER", slow_keeper)
    interruption = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
    spec = ProcessSpec("thing", ("/bin/sleep", "600"), may_start=interruption.start)

    with _interrupted_by(signal.SIGUSR1), pytest.raises(KeyboardInterrupt):
        processes.start(spec)

    try:
        assert processes.running() == ["thing"]
    finally:
        wait_until(lambda: processes.kill("thing"), "the process to be found and killed", 5)
