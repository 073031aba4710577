"""A stop that arrives while the main thread does nothing but wait for it."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys, threading
from servicekit.lifecycle import StopSignal

def signal_this_thread():
    signal.pthread_kill(threading.get_ident(), signal.{name})

def signal_the_process():
    os.kill(os.getpid(), signal.{name})

stop = StopSignal()
stop.install()
threading.Timer(0.1, {sender}).start()
stop.wait()
sys.exit(7)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("sender", ["signal_the_process", "signal_this_thread"])
def test_a_stop_is_heard_whichever_thread_it_reaches(name: str, sender: str) -> None:
    program = PROGRAM.format(name=name, sender=sender)

    assert subprocess.run([sys.executable, "-c", program], timeout=10).returncode == 7


def test_another_signal_does_not_stop() -> None:
    program = """
import os, signal
from servicekit.lifecycle import StopSignal

stop = StopSignal()
stop.install()
signal.signal(signal.SIGUSR1, lambda number, frame: None)
os.kill(os.getpid(), signal.SIGUSR1)
assert not stop.wait(0.2)
os.kill(os.getpid(), signal.SIGTERM)
assert stop.wait(5)
"""

    assert subprocess.run([sys.executable, "-c", program], timeout=10).returncode == 0


def test_a_process_that_hangs_after_the_stop_is_ended() -> None:
    program = """
import os, signal, threading
from servicekit import lifecycle

lifecycle.GIVE_UP_SECONDS = 0.2
stop = lifecycle.StopSignal()
stop.install()
os.kill(os.getpid(), signal.SIGTERM)
threading.Event().wait()
"""

    ended = subprocess.run([sys.executable, "-c", program], timeout=10, capture_output=True)
    assert (ended.returncode, b"stop_forced" in ended.stdout + ended.stderr) == (0, True)
