"""The table at the end of `.ci/run` and `make release-check`, and their exit status."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from devstack.repository import ROOT


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checks", ROOT / ".ci" / "checks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCRIPT = load_script()


def lacks_an_engine(machine: object) -> list[str]:
    raise SCRIPT.CannotRunError("no engine")


PASSING = SCRIPT.Check("passing", ["true"])
FAILING = SCRIPT.Check("failing", ["false"])
UNABLE = SCRIPT.Check("unable", ["true"], lacks_an_engine)


def test_every_check_is_in_the_table_and_one_failure_is_the_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert SCRIPT.main([], [FAILING, UNABLE, PASSING]) == 1
    failing, unable, passing = capsys.readouterr().out.splitlines()[-3:]
    assert failing.split()[:2] == ["failing", "FAILED"]
    assert unable.split(maxsplit=1) == ["unable", "could not run: no engine"]
    assert passing.split()[:2] == ["passing", "passed"]


def test_what_could_not_run_is_shown_and_does_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert SCRIPT.main([], [PASSING, UNABLE]) == 0
    assert "could not run: no engine" in capsys.readouterr().out


def test_what_was_asked_for_by_name_and_could_not_run_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert SCRIPT.main(["--only", "passing", "unable"], [PASSING, UNABLE]) == 1
    assert "could not run: no engine" in capsys.readouterr().out


def test_only_chosen_checks_run_and_the_others_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert SCRIPT.main(["--only", "passing"], [FAILING, PASSING]) == 0
    assert "failing           not asked for" in capsys.readouterr().out


def test_an_unknown_check_is_refused() -> None:
    with pytest.raises(SystemExit) as exit_status:
        SCRIPT.main(["--only", "nonsense"], [PASSING])
    assert exit_status.value.code == 2


def test_a_check_is_given_the_variables_that_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    check = SCRIPT.Check("containers", ["echo", "e2e"], lambda _: ["STACK=compose"])
    assert SCRIPT.main([], [check]) == 0
    assert "echo e2e STACK=compose" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("", "1"), ("0", "0"), ("1", "1")])
def test_stand_in_images_are_used_unless_switched_off(
    monkeypatch: pytest.MonkeyPatch, given: str | None, used: str
) -> None:
    monkeypatch.delenv("OFFLINE_IMAGES", raising=False)
    if given is not None:
        monkeypatch.setenv("OFFLINE_IMAGES", given)
    machine = SCRIPT.Machine()
    vars(machine)["_engine"] = "an engine that runs already"
    assert machine.containers() == ["STACK=compose", f"OFFLINE_IMAGES={used}"]


def test_the_choice_of_checks_is_no_option_of_a_check(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Makefile").write_text("check:\n\t@echo options: $(OPTIONS)\n")
    check = SCRIPT.Check("chosen", ["make", "--directory", str(tmp_path), "check"])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MAKEFLAGS", " -- OPTIONS=--only\\ chosen")
        assert SCRIPT.main(["--only", "chosen"], [check]) == 0
    assert "options:\n" in capfd.readouterr().out


def test_a_check_without_a_clock_runs_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SCRIPT, "ROOT", tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Each waits for the other's end of the pipe: one after the other, neither would end.
    computing = SCRIPT.Check("computing", ["sh", "-c", f"nice; echo done > {pipe}; exit 3"], beside=True)
    waiting = SCRIPT.Check("waiting", ["sh", "-c", f"read word < {pipe}"])
    assert SCRIPT.main([], [computing, waiting]) == 1
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[-2:]]
    assert rows == [["computing", "FAILED"], ["waiting", "passed"]]
    assert (tmp_path / "build" / "release-check" / "computing.log").read_text() == "19\n"
