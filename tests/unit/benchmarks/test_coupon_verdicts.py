"""What the benchmark of coupons makes of its figures, and of the programs that it needs."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.benchmarks.coupon.__main__ import main
from tests.benchmarks.coupon.drop import steady_rate
from tests.benchmarks.coupon.errors import CannotRun
from tests.benchmarks.coupon.load_client import Journey, connections_of, read_journeys
from tests.benchmarks.coupon.measuring import Results
from tests.benchmarks.coupon.picture import draw_burst
from tests.benchmarks.coupon.plan import NAMES, QUICK, Measurement, Scale, chosen_rows, needed_measurements
from tests.benchmarks.coupon.report import Verdict, results_as_json, verdicts
from tests.benchmarks.coupon.watchers import places_shown

RESULTS: Results = {
    Measurement.ACCEPT: [{"per_second": 2_000.0}, {"per_second": 2_700.0}],
    Measurement.CONSTANT: [{"per_second": 3_000.0}, {"per_second": 2_900.0}],
    Measurement.JOURNEY: [{"p99_ms": 600.0}, {"p99_ms": 550.0}],
    Measurement.KILLED_ROW_LOCK: [{"broken": 2.0}],
    Measurement.WATCHERS: CannotRun("nobody says when to come back"),
}
ANSWERS = """\
1700000000500000
7,id-7,ISSUED,1000,2000,30000,2,3,1,0,0
8,,409 sold-out,2000,4000,-1,1,0,0,0,0
9,,UNANSWERED,3000,-1,-1,5,0,0,0,0
"""


def verdict(name: str, scale: Scale | None = None) -> Verdict:
    (only,) = verdicts(chosen_rows([name]), RESULTS, scale or Scale())
    return only


def journeys(tmp_path: Path) -> list[Journey]:
    path = tmp_path / "answers.csv"
    path.write_text(ANSWERS)
    return read_journeys(path)


def test_a_rate_is_the_highest_of_its_repeats() -> None:
    outcome = verdict("accept_per_second")

    assert (outcome.value, outcome.met) == (2_700.0, True)


def test_a_ratio_compares_the_best_of_each() -> None:
    assert verdict("accept_vs_constant").value == 0.9


def test_a_latency_is_the_lowest_and_must_not_exceed_its_goal() -> None:
    outcome = verdict("journey_p99_ms")

    assert (outcome.value, outcome.met) == (550.0, False)


def test_a_row_without_a_goal_has_no_verdict() -> None:
    outcome = verdict("killed_row_lock")

    assert (outcome.value, outcome.met) == (2.0, None)


def test_small_sizes_say_nothing_about_goals() -> None:
    assert verdict("journey_p99_ms", QUICK).met is None


def test_what_cannot_run_has_its_reason_and_no_value() -> None:
    rows = chosen_rows(["watchers_10k_mb"])
    outcome = verdicts(rows, RESULTS, Scale())
    content = results_as_json({}, Scale(), 1, outcome, RESULTS)

    assert content["rows"]["watchers_10k_mb"]["value"] is None
    assert content["rows"]["watchers_10k_mb"]["cannot_run"] == "cannot run: nobody says when to come back"


def test_every_measurement_serves_a_row() -> None:
    assert needed_measurements(chosen_rows(NAMES)) == list(Measurement)


def test_an_answer_has_its_times_on_the_clock(tmp_path: Path) -> None:
    issued, refused, unanswered = journeys(tmp_path)

    assert issued.scheduled_at == pytest.approx(1_700_000_000.501)
    assert issued.answered_at == pytest.approx(1_700_000_000.502)
    assert issued.decided_at == pytest.approx(1_700_000_000.530)
    assert (issued.presses, issued.polls, issued.polls_with_pause) == (2, 3, 1)
    assert (refused.refused, refused.accepted, refused.decided_at) == (True, False, None)
    assert (unanswered.refused, unanswered.answered_at) == (False, None)


def test_a_journey_without_an_end_is_an_error_and_no_slow_one(tmp_path: Path) -> None:
    issued, refused, unanswered = journeys(tmp_path)

    assert steady_rate([issued, refused]).p99_ms == pytest.approx(28.73, abs=0.01)
    with pytest.raises(ValueError, match="1 users have no answer"):
        steady_rate([issued, refused, unanswered])


def test_a_place_that_gets_worse_is_an_error(tmp_path: Path) -> None:
    watched = [replace(journey, places=3) for journey in journeys(tmp_path)]

    assert places_shown(watched) == 9
    with pytest.raises(ValueError, match="1 users were shown a worse place than before"):
        places_shown([*watched, replace(watched[0], worse=1)])


def test_a_burst_has_a_connection_for_each_user_if_the_machine_allows() -> None:
    assert connections_of(50) == 50
    assert connections_of(10**9) < 10**9


@pytest.mark.parametrize("name", ["burst.png", "burst.svg"])
def test_the_picture_is_drawn_also_of_users_without_an_answer(tmp_path: Path, name: str) -> None:
    path = tmp_path / "pictures" / name

    draw_burst(journeys(tmp_path), path)

    assert path.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("accept_per_second", "wrk is not installed: apt-get install wrk"),
        ("burst_10k", "go is not installed: .ci/go"),
        ("accept_vs_redis_stock", "redis-server is not installed: apt-get install redis-server"),
    ],
)
def test_a_missing_program_is_named_with_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, said: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    result = CliRunner().invoke(main, ["--only", name, "--output", str(tmp_path / "coupon.json")])

    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "coupon.json").exists()
