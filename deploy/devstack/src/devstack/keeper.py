"""Starts one process detached, stays its parent, and writes down how it ended.

Whoever asks for a process is usually gone when the process ends, so nobody could tell its exit status. The
keeper is the smallest parent that can: it starts the process in a session of its own, records pid and start
time, waits, and records the exit status. It forwards no signals: they go to the recorded pid, which is the
process itself. It also reaps the process where PID 1 of a container does not.

Run as a script: keeper.py [--user UID:GID] RECORD EXIT_STATUS COMMAND...
It returns 0 once RECORD is written. A command that can't be started is told on standard error.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil


def main(arguments: list[str]) -> int:
    """Return in the asker's process once the record is there; wait for the end in a fork of it."""
    identity: dict[str, Any] = {}
    if arguments[0] == "--user":
        user, group = arguments[1].split(":")
        identity = {"user": int(user), "group": int(group), "extra_groups": []}
        arguments = arguments[2:]
    record_path, exit_status_path, *command = arguments
    started_read, started_write = os.pipe()
    if os.fork():
        os.close(started_write)
        return 0 if os.read(started_read, 1) == b"1" else 1
    os.setsid()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A function and not SIG_IGN, which the process would inherit.
        signal.signal(name, lambda _signal, _frame: None)
    try:
        child = subprocess.Popen(command, start_new_session=True, **identity)  # noqa: S603 it is the purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    started_at = psutil.Process(child.pid).create_time()
    _write(Path(record_path), json.dumps({"pid": child.pid, "startedAt": started_at, "command": command}))
    os.write(started_write, b"1")
    os.close(started_write)
    _write(Path(exit_status_path), str(child.wait()))
    os._exit(0)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text)
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
