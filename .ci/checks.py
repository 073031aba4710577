"""Run the project's checks, and say in a table what ran, what it took and what could not run.

`make release-check` runs all of them, `.ci/run` those of every change; tests/README.md says why.
Exits with 1 if a check failed, or if one that was named could not run. Of all the checks, one that could
not run is no failure, but stands in the table.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class CannotRunError(Exception):
    """This machine lacks what a check needs."""


class Machine:
    """What checks need beside Python, make and curl. Each method returns variables for make."""

    def __init__(self) -> None:
        self._engine = ""

    def close(self) -> None:
        """Stop the container engine if it was started here."""
        if self._engine:
            as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
            subprocess.run([*as_root, "kill", self._engine], check=False)

    def go(self) -> list[str]:
        _run_script(".ci/go")
        return []

    def debian(self) -> list[str]:
        for script in ("pgbouncer", "prometheus"):
            _run_script(f".ci/{script}")
        return []

    def containers(self) -> list[str]:
        self._engine = self._engine or _run_script(".ci/docker-engine")
        # No registry is asked for anything, unless it is 0; make exports it empty where it is not set.
        return ["STACK=compose", f"OFFLINE_IMAGES={os.environ.get('OFFLINE_IMAGES') or '1'}"]

    def newest_python(self) -> list[str]:
        minor, program = max(_pythons(), default=(0, ""))
        if minor <= sys.version_info.minor:
            raise CannotRunError(f"no Python is installed that is newer than 3.{sys.version_info.minor}")
        return [f"PYTHON={program}", f"VENV=build/python3.{minor}"]

    def newest_python_or_this(self) -> list[str]:
        try:
            return self.newest_python()
        except CannotRunError:
            return []


def _run_script(script: str) -> str:
    done = subprocess.run([ROOT / script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRunError((done.stderr.strip() or f"{script} failed").splitlines()[-1])
    return done.stdout.strip()


def _pythons() -> Iterator[tuple[int, str]]:
    """The minor version and the path of each Python that can make a virtual environment; pyenv's too."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    folders += Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin")
    for program in (path for folder in folders for path in folder.glob("python3.*")):
        trial = [str(program), "-c", "import ensurepip, venv"]
        version = re.fullmatch(r"python3\.(\d+)", program.name)
        if version and subprocess.run(trial, capture_output=True, check=False).returncode == 0:
            yield int(version[1]), str(program)


@dataclass(frozen=True)
class Check:
    """A command of make, to which ``needs`` adds arguments, or raises CannotRunError.

    One that runs ``beside`` the others only computes: it has the time that they leave, and prints to a file.
    """

    name: str
    command: Sequence[str]
    needs: Callable[[Machine], list[str]] = lambda _: []
    beside: bool = False


CHECKS = (
    Check("lint", ["make", "lint"]),
    Check("test", ["make", "test"]),
    Check("test-debian", ["make", "test-debian"], Machine.debian),
    Check("containers", ["make", "e2e"], Machine.containers),
    Check("kubernetes", ["make", "test-kubernetes"], Machine.go),
    Check("seldom-touched", ["make", "seldom-touched"]),
    Check("older-servers", ["make", "matrix"], Machine.newest_python_or_this),
    Check("faults", ["make", "faults"]),
    Check("faults-containers", ["make", "faults"], Machine.containers),
    Check("operations", ["make", "operations"], Machine.containers),
    Check("seed-cluster", ["make", "seed-cluster"], Machine.containers),
    Check("newest-python", ["make", "unit", "e2e", "chaos"], Machine.newest_python),
    Check("mutations", ["make", "mutations"], beside=True),
    Check("crash-matrix", ["make", "crash-matrix"], beside=True),
)


def run(check: Check, machine: Machine, *, must_run: bool) -> tuple[str, bool]:
    """What came of the check, in words, and whether it failed."""
    begun = time.monotonic()
    try:
        command = [*check.command, *check.needs(machine)]
    except CannotRunError as reason:
        return f"could not run: {reason}", must_run
    # OPTIONS says which checks run; make would hand it on to each.
    failed = _status([*command, "OPTIONS="], check) != 0
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
    return f"{'FAILED' if failed else 'passed'} in {minutes} min {seconds:02} s: {' '.join(command)}", failed


def _status(command: list[str], check: Check) -> int:
    if not check.beside:
        print(f"\n=== {check.name}: {' '.join(command)}", flush=True)
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    output = ROOT / "build" / "release-check" / f"{check.name}.log"
    output.parent.mkdir(parents=True, exist_ok=True)
    print(
        f"\n=== {check.name}, beside the others: {' '.join(command)} > {output.relative_to(ROOT)}", flush=True
    )
    with output.open("w") as file:
        least = ["nice", "-n", "19", *command]
        return subprocess.run(least, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, check=False).returncode


def main(arguments: Sequence[str], checks: Sequence[Check] = CHECKS) -> int:
    parser = argparse.ArgumentParser(prog="make release-check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", metavar="CHECK", choices=[check.name for check in checks], default=[]
    )
    only = parser.parse_args(arguments).only
    chosen = [check for check in checks if not only or check.name in only]
    machine, results = Machine(), dict[str, tuple[str, bool]]()
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:
            run_check = partial(run, machine=machine, must_run=bool(only))
            beside = {check.name: thread.submit(run_check, check) for check in chosen if check.beside}
            for check in chosen:
                if not check.beside:
                    results[check.name] = run_check(check)
            results |= {name: ending.result() for name, ending in beside.items()}
    finally:
        machine.close()
        rows = [f"{check.name:17} {results.get(check.name, ('not asked for', False))[0]}" for check in checks]
        print("", *rows, sep="\n", flush=True)
    return int(any(failed for _, failed in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
