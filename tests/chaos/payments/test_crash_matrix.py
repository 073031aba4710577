"""Payments whose process dies, at any boundary; and planted faults, each of which has to be found."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future

import pytest

from devstack.postgresql import PostgresqlServer
from devstack.repository import ROOT
from tests.chaos.payments.cells import Cell, Result, tried, tried_with
from tests.chaos.payments.matrix import RUNS, SAMPLED_RUNS, kind, lanes, sample, thinned
from tests.chaos.payments.planted import PLANTED
from tests.chaos.payments.report import complaints, matrix

_REPORT = ROOT / "build/crash-matrix/matrix.txt"
# A starved machine is slow, and not wrong.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def executor(postgresql_server: PostgresqlServer) -> Iterator[Executor]:
    with lanes(postgresql_server, 3) as executor:
        yield executor


@pytest.fixture(scope="module")
def runs(executor: Executor) -> Sequence[Result]:
    return list(executor.map(tried, SAMPLED_RUNS))


@pytest.fixture(scope="module")
def with_faults(executor: Executor) -> Mapping[str, Future[Result]]:
    """All side by side."""
    return {bug: executor.submit(tried_with, bug) for bug in PLANTED}


def test_what_does_not_die_ends_right_and_passes_400_boundaries(runs: Sequence[Result]) -> None:
    assert complaints(runs) == []
    assert len(thinned(runs)) >= 400


@pytest.mark.parametrize("gateway", ["toss", "portone"])
def test_a_gateway_behaves_in_12_ways_at_least(gateway: str) -> None:
    assert len([run for run in RUNS if run.gateway == gateway]) >= 12


def test_each_payment_of_40_dead_processes_ends_right(executor: Executor, runs: Sequence[Result]) -> None:
    cells = sample(runs, 40)
    assert {kind(cell) for cell in cells} == {kind(death) for run in runs for death in run.deaths}
    assert len(set(cells)) == 40
    assert complaints(list(executor.map(tried, cells))) == []


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_each_payment_of_every_dead_process_ends_right(executor: Executor) -> None:
    begun = time.monotonic()
    runs = list(executor.map(tried, RUNS))
    deaths = thinned(runs)
    assert len(deaths) >= 400
    results = [*runs, *executor.map(tried, deaths, chunksize=4)]
    said = complaints(results)
    summary = f"{len(results)} cells in {time.monotonic() - begun:.0f} s, {len(said)} not right"
    text = "\n".join([matrix(results), "", *said, summary, ""])
    _REPORT.parent.mkdir(parents=True, exist_ok=True)
    _REPORT.write_text(text)
    print(f"\n{text}")  # noqa: T201 - what `make crash-matrix` is for
    assert said == []


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_fault_is_found(with_faults: Mapping[str, Future[Result]], bug: str) -> None:
    result = with_faults[bug].result()
    assert result.failure is None
    assert result.is_wrong


def test_what_only_the_harness_fails_at_is_not_called_wrong(executor: Executor) -> None:
    stray = Cell("toss", "all is well", number=10_000, boundary="one of another run")
    result = executor.submit(tried, stray).result()
    assert not result.is_wrong
    assert "in place of one of another run" in str(result.failure)
