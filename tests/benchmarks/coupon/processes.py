"""Processes that are measured: started, awaited, ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from devstack.config import base_environment
from devstack.repository import ROOT
from tests.support.waiting import wait_until

Process = subprocess.Popen[bytes]

_STOP_SECONDS = 15
_START_SECONDS = 90
_LOG_END_CHARACTERS = 2_000
_COMMANDS = Path(sys.executable).parent


@contextmanager
def a_process(
    command: Sequence[str], environment: Mapping[str, str], log: Path, ready_url: str | None = None
) -> Iterator[Process]:
    """One of our commands, or ``python``, once ``ready_url`` answers; ended with its children.

    What is raised inside the block gets the end of the log as a note: the file itself will be gone.
    """
    process = start(command, environment, log)
    try:
        if ready_url is not None:
            await_answer(process, ready_url, log)
        yield process
    except (OSError, ValueError, AssertionError) as error:
        error.add_note(log.read_text(errors="replace")[-_LOG_END_CHARACTERS:])
        raise
    finally:
        stop(process)


def start(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """In a process group of its own, so that :func:`kill` reaches its children."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(_COMMANDS / command[0]) if (_COMMANDS / command[0]).exists() else command[0], *command[1:]],
            env={**base_environment(), "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def await_answer(process: Process, url: str, log: Path) -> None:
    """Raises ChildProcessError when the process ends instead."""

    def answers() -> bool:
        if process.poll() is not None:
            return True
        return httpx.get(url, timeout=5, trust_env=False).is_success

    wait_until(answers, f"{url} to answer", _START_SECONDS)
    if process.poll() is not None:
        raise ChildProcessError(f"ended with {process.returncode}: {log.read_text(errors='replace')[-500:]}")


def stop(process: Process) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    kill(process)


def kill(process: Process) -> None:
    """SIGKILL to the process and its children, at the same moment."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
