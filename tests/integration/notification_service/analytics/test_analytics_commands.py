"""``notification-service analytics rebuild`` and ``report``"""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, event, text

from notification_service.cli import main
from tests.integration.notification_service.counted import count, on, sums
from tests.support.notification_builders import NOON_IN_SEOUL, an_order_of


@pytest.fixture
def counted(engine: Engine) -> None:
    items = ("P-1", 2, 15_000), ("P-2", 1, 3_500)
    first = an_order_of(*items, user_id=1, approved_at=NOON_IN_SEOUL)
    again = an_order_of(("P-1", 1, 15_000), user_id=1, **on(first, days=1))
    count(engine, [first, again])


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": url, "COLUMNS": "100"})


@pytest.mark.usefixtures("counted")
def test_a_rebuild_says_which_days_it_replaced(engine: Engine, migrated_url: str) -> None:
    before = sums(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE sales_hourly SET amount = 0"))

    done = run(migrated_url, "analytics", "rebuild")

    assert (done.exit_code, done.stdout) == (0, "2 days rebuilt, 2026-11-23 to 2026-11-24\n")
    assert done.stderr == "2026-11-23 is rebuilt\n2026-11-24 is rebuilt\n"
    assert sums(engine) == before


@pytest.mark.usefixtures("counted")
def test_a_rebuild_that_breaks_keeps_its_days_and_goes_on(engine: Engine, migrated_url: str) -> None:
    before = sums(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE sales_hourly SET amount = 0"))
        connection.execute(
            text("ALTER TABLE sales_hourly ADD CHECK (amount = 0 OR business_day < '2026-11-24') NOT VALID")
        )

    broken = run(migrated_url, "analytics", "rebuild")
    assert (broken.exit_code, broken.stdout) == (1, "")
    assert broken.stderr.startswith("2026-11-23 is rebuilt\nError: ")

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE sales_hourly DROP CONSTRAINT sales_hourly_check"))
    done = run(migrated_url, "analytics", "rebuild", "--from", "2026-11-24")
    assert (done.exit_code, done.stdout) == (0, "1 days rebuilt, 2026-11-24 to 2026-11-24\n")
    assert sums(engine) == before


def test_a_rebuild_without_events_changes_nothing(migrated_url: str) -> None:
    done = run(migrated_url, "analytics", "rebuild")

    assert (done.exit_code, done.output) == (0, "no day has all its events\n")


@pytest.mark.usefixtures("counted")
def test_a_days_report_is_printed_and_written(migrated_url: str, tmp_path: Path) -> None:
    page = tmp_path / "report.html"

    done = run(migrated_url, "report", "--day", "2026-11-23", "--html", str(page))

    assert done.exit_code == 0, done.output
    assert done.output.startswith("2026-11-23, Asia/Seoul\n1 new and 0 returning customers\n")
    assert "33,500 KRW: 1 orders of 3.0 pieces" in done.output
    assert [name for name in ("12:00", "P-1", "P-2", "analytics") if name in done.output] == [
        "12:00", "P-1", "P-2", "analytics",
    ]  # fmt: skip
    assert page.read_text().count("<svg") == 3


@pytest.mark.usefixtures("counted")
def test_the_parts_of_a_report_are_of_one_moment(engine: Engine, migrated_url: str) -> None:
    counted_meanwhile = False

    def count_another(_: Any, __: Any, statement: str, *___: Any) -> None:
        nonlocal counted_meanwhile
        if "FROM sales_hourly" in statement and not counted_meanwhile:
            counted_meanwhile = True
            count(engine, [an_order_of(("P-9", 1, 500), user_id=9)])

    event.listen(Engine, "before_cursor_execute", count_another)
    try:
        done = run(migrated_url, "report", "--day", "2026-11-23")
    finally:
        event.remove(Engine, "before_cursor_execute", count_another)

    assert (done.exit_code, counted_meanwhile) == (0, True)
    assert "33,500 KRW: 1 orders of 3.0 pieces" in done.output
    assert "P-9" not in done.output


@pytest.mark.usefixtures("counted")
def test_a_day_without_orders_is_reported_as_such(migrated_url: str) -> None:
    done = run(migrated_url, "report", "--day", "2026-11-22")

    assert (done.exit_code, done.output) == (0, "2026-11-22, Asia/Seoul\nNo sales were counted.\n")


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("arguments", [(), ("--day", "yesterday"), ("--day", "2026-02-30")])
def test_a_wrong_day_is_refused_with_status_2(migrated_url: str, arguments: tuple[str, ...]) -> None:
    done = run(migrated_url, "report", *arguments)

    assert done.exit_code == 2
    assert "--day" in done.output
    assert "Traceback" not in done.output


@pytest.mark.usefixtures("counted")
def test_a_page_that_can_not_be_written_is_one_line(migrated_url: str, tmp_path: Path) -> None:
    page = tmp_path / "missing" / "report.html"

    done = run(migrated_url, "report", "--day", "2026-11-23", "--html", str(page))

    assert done.exit_code == 1
    assert done.output.endswith(f"Error: {page} can't be written: No such file or directory\n")
