"""``notification-service providers``: what was suspended is listed, and resumed."""

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import Engine

from notification_service.cli import main
from notification_service.domain.provider_state import ProviderStatus
from tests.integration.notification_service.effect_work import transactions
from tests.integration.notification_service.limited_work import MeteredProvider, set_state, state_of

COMMAND = str(Path(sys.executable).parent / "notification-service")
WHO_AND_WHY = ["--by", "kim", "--reason", "volume raised"]
NHN = MeteredProvider()


def run(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "providers", *arguments],
        env={"DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_suspended_provider_is_listed_and_resumed(migrated_url: str, engine: Engine) -> None:
    set_state(engine, NHN, ProviderStatus.SUSPENDED)

    (listed,) = json.loads(run(migrated_url, "list", "--json").stdout)
    resumed = run(migrated_url, "resume", "nhn", *WHO_AND_WHY)
    table = run(migrated_url, "list").stdout.splitlines()

    assert (listed["provider"], listed["status"], listed["reason"]) == ("nhn", "SUSPENDED", "-1017")
    assert (resumed.returncode, resumed.stdout) == (0, "nhn is RUNNING\n")
    assert state_of(engine, NHN).status is ProviderStatus.RUNNING
    assert table[0].split()[:3] == ["PROVIDER", "STATUS", "SINCE"]
    assert table[1].split()[-3:] == ["kim", "volume", "raised"]


def test_refused_questions_are_listed_until_they_are_mended(migrated_url: str, engine: Engine) -> None:
    refusing = {"look_ups_refused": "'403'", "results_refused": "'401'"}
    set_state(engine, NHN, ProviderStatus.RUNNING, **refusing)

    settings = {"DATABASE_URL": migrated_url}
    (listed,) = json.loads(CliRunner().invoke(main, ["providers", "list", "--json"], env=settings).stdout)
    resumed = CliRunner().invoke(main, ["providers", "resume", "nhn", *WHO_AND_WHY], env=settings)

    assert (listed["status"], listed["refuses"]) == ("RUNNING", "look-ups (403), results (401)")
    assert (resumed.exit_code, resumed.stdout) == (0, "nhn is RUNNING\n")
    assert not state_of(engine, NHN).refuses_questions


def test_the_list_says_which_provider_is_in_use(migrated_url: str, engine: Engine) -> None:
    set_state(engine, NHN, ProviderStatus.SUSPENDED)
    with transactions(engine)() as unit_of_work:
        unit_of_work.providers.watch(["nhn", "solapi"])
        unit_of_work.commit()

    listed = json.loads(run(migrated_url, "list", "--json").stdout)
    table = run(migrated_url, "list").stdout.splitlines()

    assert {row["provider"]: (row["place"], row["inUse"]) for row in listed} == {
        "nhn": ("first", False),
        "solapi": ("second", True),
    }
    assert table[0].split()[:6] == ["PROVIDER", "STATUS", "SINCE", "PLACE", "IN", "USE"]
    assert table[2].split()[-2:] == ["second", "yes"]


def test_only_what_is_stopped_can_be_resumed(migrated_url: str, engine: Engine) -> None:
    running = run(migrated_url, "resume", "nhn", *WHO_AND_WHY)
    anonymous = run(migrated_url, "resume", "nhn", "--reason", "why")

    assert running.returncode == 1
    assert "no provider nhn is OPEN or SUSPENDED" in running.stderr
    assert anonymous.returncode == 2
    assert "--by" in anonymous.stderr
