"""Migrations: one at a time, only one's own database, and nothing taken away while a former release runs."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, ProgrammingError
from structlog.testing import capture_logs

from servicekit.config import DatabaseSettings
from servicekit.db.engine import create_engine
from servicekit.db.migrations import WrongDatabase, upgrade
from servicekit.db.schema import ServiceSchema
from tests.support.waiting import wait_until
from tests.support.waiting_migration import wait_until_migration_waits


def revisions(database_url: str) -> list[str]:
    """What the database says of its revision."""
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.connect() as connection:
        found = list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    engine.dispose()
    return found


ENVIRONMENT = """
from alembic import context
from servicekit.db.migrations import run_in_environment
run_in_environment(context)
"""
SECOND_MIGRATION = """
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade():
    op.execute("ALTER TABLE made_once ADD COLUMN added int")
"""
CONTRACTING_MIGRATION = """
from alembic import op
revision = "0003"
down_revision = "0002"
contracts = True
def upgrade():
    op.execute("ALTER TABLE made_once DROP COLUMN id")
"""
MIGRATION = """
from alembic import op
revision = "0001"
down_revision = None
def upgrade():
    op.execute("CREATE TABLE made_once (id int)")
    op.execute("SELECT pg_sleep(0.3)")
"""


def a_schema(folder: Path, *versions: str, service: str = "a-service") -> ServiceSchema:
    """A service's schema with these migrations."""
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    for number, version in enumerate(versions, start=1):
        (folder / "versions" / f"{number:04}.py").write_text(version)
    return ServiceSchema(service, folder)


def test_two_migrations_at_once_run_each_step_once(database_url: str, tmp_path: Path) -> None:
    schema = a_schema(tmp_path, MIGRATION)
    errors: list[BaseException] = []

    def migrate() -> None:
        try:
            upgrade(database_url, schema)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    assert revisions(database_url) == ["0001"]


def test_a_former_release_leaves_a_newer_database_as_it_is(database_url: str, tmp_path: Path) -> None:
    former = a_schema(tmp_path / "former", MIGRATION)
    newer = a_schema(tmp_path / "newer", MIGRATION, SECOND_MIGRATION)
    upgrade(database_url, newer)
    with capture_logs() as lines:
        upgrade(database_url, former)
    assert [(line["event"], line["revisions"], line["known"]) for line in lines] == [
        ("database_is_newer", ["0002"], "0001")
    ]
    assert revisions(database_url) == ["0002"]


def test_another_services_database_is_left_as_it_is(database_url: str, tmp_path: Path) -> None:
    """Although the first revision of both has the same name."""
    upgrade(database_url, a_schema(tmp_path / "a", MIGRATION))
    others = a_schema(tmp_path / "other", MIGRATION, SECOND_MIGRATION, service="other-service")
    with pytest.raises(WrongDatabase, match="this database is a-service's; other-service has one of its own"):
        upgrade(database_url, others)
    assert revisions(database_url) == ["0001"]


def test_a_database_from_before_its_service_was_noted_is_taken_over(
    database_url: str, tmp_path: Path
) -> None:
    ours = a_schema(tmp_path, MIGRATION)
    upgrade(database_url, ours)
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with engine.begin() as connection:
        connection.execute(text("COMMENT ON TABLE alembic_version IS NULL"))
    engine.dispose()
    upgrade(database_url, replace(ours, service="another's-service"))
    with pytest.raises(WrongDatabase, match="another's-service"):
        upgrade(database_url, ours)


ALL = (MIGRATION, SECOND_MIGRATION, CONTRACTING_MIGRATION)


def test_a_new_database_gets_every_revision_at_once(database_url: str, tmp_path: Path) -> None:
    upgrade(database_url, a_schema(tmp_path, *ALL))
    assert revisions(database_url) == ["0003"]


def test_nothing_is_taken_away_from_a_former_release_until_asked(database_url: str, tmp_path: Path) -> None:
    upgrade(database_url, a_schema(tmp_path / "former", MIGRATION))
    present = a_schema(tmp_path / "present", *ALL)
    for _ in range(2):
        with capture_logs() as lines:
            upgrade(database_url, present)
        assert revisions(database_url) == ["0002"]
        assert [(line["event"], line["revisions"]) for line in lines] == [
            ("contraction_is_pending", ["0003"])
        ]
    with capture_logs() as lines:
        upgrade(database_url, present, contract=True)
    assert (revisions(database_url), lines) == (["0003"], [])


EXPANDING_AFTER_A_CONTRACTION = """
from alembic import op
revision = "0004"
down_revision = "0002"
def upgrade():
    op.execute("ALTER TABLE made_once ADD COLUMN later int")
"""


def test_a_pending_contraction_holds_back_no_later_expansion(database_url: str, tmp_path: Path) -> None:
    upgrade(database_url, a_schema(tmp_path / "former", MIGRATION, SECOND_MIGRATION))
    present = a_schema(tmp_path / "present", *ALL, EXPANDING_AFTER_A_CONTRACTION)
    for _ in range(2):
        upgrade(database_url, present)
        assert revisions(database_url) == ["0004"]
    upgrade(database_url, present, contract=True)
    assert sorted(revisions(database_url)) == ["0003", "0004"]


def test_a_contracted_database_gets_later_expansions(database_url: str, tmp_path: Path) -> None:
    upgrade(database_url, a_schema(tmp_path / "former", *ALL))
    present = a_schema(tmp_path / "present", *ALL, EXPANDING_AFTER_A_CONTRACTION)
    upgrade(database_url, present)
    assert sorted(revisions(database_url)) == ["0003", "0004"]


WITHOUT_A_TRANSACTION = """
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade():
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY made_without ON made_once (id)")
"""
FAILING_MIGRATION = """
from alembic import op
revision = "0003"
down_revision = "0002"
def upgrade():
    op.execute("SELECT 1 / 0")
"""


def sessions_of_migrations(engine: Engine) -> int:
    sessions = """
        SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE '% migrate'
    """
    with engine.connect() as connection:
        return int(connection.execute(text(sessions)).scalar_one())


def test_migrations_wait_for_one_that_builds_an_index_beside_writers(
    database_url: str, tmp_path: Path
) -> None:
    """The build waits for every older snapshot: theirs must not be among them."""
    upgrade(database_url, a_schema(tmp_path / "former", MIGRATION))
    present = a_schema(tmp_path / "present", MIGRATION, WITHOUT_A_TRANSACTION)
    engine = create_engine(DatabaseSettings(database_url=database_url), "test")
    with capture_logs() as logs, ThreadPoolExecutor(2) as pool:
        with engine.connect() as old:
            # Before the build takes note of the snapshots that it has to wait for.
            old.execute(text("LOCK TABLE made_once IN ROW EXCLUSIVE MODE"))
            migrations = [pool.submit(upgrade, database_url, present) for _ in range(2)]
            wait_until_migration_waits(engine)
            wait_until(lambda: sessions_of_migrations(engine) == 2, "both migrations to be connected")
            assert not any(migration.done() for migration in migrations)
        for migration in migrations:
            # The server would end one of two that wait for each other.
            migration.result(30)
    assert [log["event"] for log in logs if "migration" in log["event"]] == ["migration_waits_for_another"]
    assert revisions(database_url) == ["0002"]
    with engine.connect() as connection:
        is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'made_without'::regclass"
        assert connection.scalar(text(is_valid))
    engine.dispose()


def test_a_revision_that_fails_leaves_those_before_it(database_url: str, tmp_path: Path) -> None:
    upgrade(database_url, a_schema(tmp_path / "former", MIGRATION))
    failing = a_schema(tmp_path / "present", MIGRATION, SECOND_MIGRATION, FAILING_MIGRATION)
    with pytest.raises(DataError, match="division_by_zero"):
        upgrade(database_url, failing)
    assert revisions(database_url) == ["0002"]


def test_a_new_database_stays_empty_if_a_revision_fails(database_url: str, tmp_path: Path) -> None:
    """Else the next attempt would find a former release's, and take nothing away from it."""
    with pytest.raises(DataError, match="division_by_zero"):
        upgrade(database_url, a_schema(tmp_path, MIGRATION, SECOND_MIGRATION, FAILING_MIGRATION))
    with pytest.raises(ProgrammingError, match="alembic_version"):
        revisions(database_url)
