"""How processes are started, found again and ended."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from devstack.errors import DevstackError
from devstack.processes import Processes, ProcessSpec
from tests.support.waiting import wait_until

_SLEEPS = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, {}); print('up', flush=True); time.sleep(600)"
)
SLEEPS = _SLEEPS.format("lambda *_: sys.exit(0)")
STUBBORN = _SLEEPS.format("signal.SIG_IGN")


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path)


def a_spec(processes: Processes, code: str, name: str = "thing") -> ProcessSpec:
    """Python code that is ready once it has said so."""

    def probe() -> str | None:
        return None if processes.log_tail(name).endswith("up") else "not yet"

    return ProcessSpec(name, (sys.executable, "-c", code), {}, probe, start_timeout_seconds=10)


def test_a_process_outlives_the_program_that_started_it(processes: Processes, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from devstack.processes import Processes, ProcessSpec;"
        "processes = Processes(Path(sys.argv[1]));"
        "processes.start(ProcessSpec('thing', ('/bin/sleep', '600'))); print(processes.pid('thing'))"
    )

    pid = int(subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True))

    try:
        assert processes.pid("thing") == pid
        assert os.getsid(pid) == pid
    finally:
        processes.kill("thing")


def test_an_orderly_end_is_recorded(processes: Processes) -> None:
    spec = a_spec(processes, SLEEPS)
    processes.start(spec)
    processes.wait_until_ready(spec)

    processes.stop([spec])

    assert processes.exit_status("thing") == 0
    assert processes.pid("thing") is None


def test_what_does_not_end_is_killed_after_the_timeout(processes: Processes) -> None:
    spec = a_spec(processes, STUBBORN)
    processes.start(spec)
    processes.wait_until_ready(spec)
    started_at = time.monotonic()

    processes.stop([spec], timeout_seconds=0.3)

    assert processes.exit_status("thing") == -signal.SIGKILL
    assert 0.3 <= time.monotonic() - started_at < 5


def test_a_frozen_process_can_be_stopped(processes: Processes) -> None:
    spec = a_spec(processes, SLEEPS)
    processes.start(spec)
    processes.wait_until_ready(spec)
    processes.send_signal("thing", signal.SIGSTOP)

    processes.stop([spec])

    assert processes.exit_status("thing") == 0


def test_kill_takes_the_descendants_along(processes: Processes) -> None:
    code = (
        "import subprocess, sys, time; child = subprocess.Popen(['/bin/sleep', '600']);"
        "print(child.pid, flush=True); print('up', flush=True); time.sleep(600)"
    )
    spec = a_spec(processes, code)
    processes.start(spec)
    processes.wait_until_ready(spec)
    child = psutil.Process(int(processes.log_tail("thing").splitlines()[0]))

    processes.kill("thing")

    assert processes.exit_status("thing") == -signal.SIGKILL
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_starting_a_running_process_changes_nothing(processes: Processes) -> None:
    spec = ProcessSpec("thing", ("/bin/sleep", "600"))
    processes.start(spec)
    pid = processes.pid("thing")

    try:
        processes.start(spec)
        assert processes.pid("thing") == pid
    finally:
        processes.kill("thing")


def test_a_pid_that_another_process_has_got_is_not_touched(processes: Processes, tmp_path: Path) -> None:
    stranger = subprocess.Popen(["/bin/sleep", "600"])
    try:
        record = {"pid": stranger.pid, "startedAt": time.time() - 3600, "command": ["thing"]}
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "thing.json").write_text(json.dumps(record))

        processes.stop([ProcessSpec("thing", ("thing",))])

        assert processes.find("thing") is None
        assert not processes.kill("thing")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_dies_at_start_shows_its_last_words(processes: Processes) -> None:
    spec = a_spec(processes, "import sys; sys.stderr.write('no such luck\\n'); sys.exit(7)")
    processes.start(spec)

    with pytest.raises(DevstackError, match=r"exit status 7(.|\n)*no such luck"):
        processes.wait_until_ready(spec)


def test_a_process_that_never_gets_ready_is_reported_with_the_reason(processes: Processes) -> None:
    spec = ProcessSpec("thing", ("/bin/sleep", "600"), probe=lambda: "it sleeps", start_timeout_seconds=0.2)
    processes.start(spec)

    try:
        with pytest.raises(DevstackError, match=r"thing was not ready after 0\.2 s: it sleeps; see "):
            processes.wait_until_ready(spec)
    finally:
        processes.kill("thing")


def test_a_program_that_is_not_there_is_named(processes: Processes) -> None:
    with pytest.raises(DevstackError, match="/no/such/program"):
        processes.start(ProcessSpec("thing", ("/no/such/program",)))


def test_a_process_knows_only_its_own_environment(processes: Processes) -> None:
    spec = ProcessSpec("thing", (sys.executable, "-c", "import os; print(sorted(os.environ))"), {"MINE": "1"})
    processes.start(spec)

    wait_until(lambda: processes.exit_status("thing") == 0, "the process to end")

    assert "'MINE'" in processes.log_tail("thing")
    assert "'HOME'" not in processes.log_tail("thing")
