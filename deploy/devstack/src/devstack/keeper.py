"""Starts one process detached, stays its parent, and records how it ended.

The command that starts a process has usually ended before the process does, so another parent has to see the
exit status. Signals go to the recorded pid, which is the process itself; the keeper forwards none. It also
reaps the process where PID 1 of a container does not.

Run as a script: keeper.py RECORD EXIT_STATUS COMMAND...
It returns 0 once RECORD is written, or 1 with the reason on standard error.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from devstack.locking import write_whole


def main(arguments: list[str]) -> int:
    """Return once the record is there; a fork of this process waits for the end."""
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
        child = subprocess.Popen(command, start_new_session=True)  # noqa: S603 it is the purpose
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error}\n")
        sys.stderr.flush()
        os._exit(1)
    started_at = psutil.Process(child.pid).create_time()
    write_whole(
        Path(record_path), json.dumps({"pid": child.pid, "startedAt": started_at, "command": command})
    )
    os.write(started_write, b"1")
    os.close(started_write)
    write_whole(Path(exit_status_path), str(child.wait()))
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
