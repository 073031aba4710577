from pathlib import Path

import pytest

from shop_demo.logs import LogMark, reports_error

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "x", "level": "error"}',
        '{"event": "x", "level": "critical"}',
        "Traceback (most recent call last):",
        "2026-03-01 12:00:00.000 UTC [7] FATAL:  terminating connection",
        "[2026-03-01 12:00:00,000] ERROR [Controller 1] Oops (kafka.controller.KafkaController)",
        '{"cut off ERROR',
    ],
)
def test_an_error_is_known_by_its_level_whatever_the_format(line: str) -> None:
    assert reports_error(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "payment_declined", "level": "info", "detail": "ERROR of the card"}',
        '{"event": "x", "level": "warning"}',
        "[2026-03-01 12:00:00,000] INFO error.log.size = 7 (kafka.Kafka)",
        "2026-03-01 12:00:00.000 UTC [346] FATAL:  the database system is shutting down",
        "",
    ],
)
def test_other_lines_are_no_errors(line: str) -> None:
    assert not reports_error(line)


def test_only_what_was_written_since_the_mark_counts(tmp_path: Path) -> None:
    (tmp_path / "old.log").write_text("ERROR before\n")
    mark = LogMark.now(lambda: tmp_path)
    with (tmp_path / "old.log").open("a") as log:
        log.write("fine\nERROR after\n")
    (tmp_path / "new.log").write_text("ERROR in a new file\n")
    assert mark.errors_since() == ("new: ERROR in a new file", "old: ERROR after")


def test_a_log_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("a long line from before\n")
    mark = LogMark.now(lambda: tmp_path)
    (tmp_path / "a.log").write_text("ERROR new\n")
    assert mark.errors_since() == ("a: ERROR new",)


def test_without_logs_there_are_no_errors(tmp_path: Path) -> None:
    assert LogMark.now(lambda: tmp_path / "none").errors_since() == ()
