"""What operators do about dead letters: commands and HTTP, beside a relay that is a process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from devstack.postgresql import PostgresqlServer
from tests.support.databases import RELAY_ROLE, fresh_database
from tests.support.relay.arrivals import read_all
from tests.support.relay.outbox import Outbox, an_outbox
from tests.support.relay.process import RelayProcess, a_relay_process
from tests.support.relay.topic_options import set_topic_option
from tests.support.waiting import wait_until

WHO = ("--by", "kim", "--reason", "ticket 7")
BODY = {"by": "kim", "reason": "ticket 7"}
NOWHERE = "postgresql://nobody:secret@127.0.0.1:1/gone"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(outbox: Outbox) -> Command:
    """Runs ``outbox-relay`` with one more source, which can't be reached, and without Kafka settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "SOURCES__TEST__DATABASE_URL": outbox.relay_url,
        "SOURCES__GONE__DATABASE_URL": NOWHERE,
    }
    return lambda *arguments: run(environment, *arguments)


def run(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("outbox-relay"))
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def relay(outbox: Outbox, kafka_bootstrap_servers: str, tmp_path: Path) -> Iterator[RelayProcess]:
    set_topic_option(kafka_bootstrap_servers, outbox.topic, "max.message.bytes", "20000")
    with a_relay_process(tmp_path, kafka_bootstrap_servers, {"test": outbox.relay_url}) as relay:
        yield relay


@pytest.fixture
def poisons(outbox: Outbox, relay: RelayProcess) -> dict[str, list[UUID]]:
    """Of each of two keys three events, the first of which is too large; all of them parked."""
    ids: dict[str, list[UUID]] = {"a": [], "b": []}
    for number in range(3):
        for offset, key in enumerate(ids):
            with outbox.transaction() as transaction:
                filling = "x" * (30_000 if number == 0 else 10)
                payload = {"number": number + 10 * offset, "filling": filling}
                ids[key].append(transaction.append(key, payload=payload))
    wait_until(lambda: relay.shard()["deadLetters"] == 6, "everything to be parked", 60)
    return ids


def raise_the_limit(outbox: Outbox, servers: str) -> None:
    set_topic_option(servers, outbox.topic, "max.message.bytes", "200000")


def test_commands_list_show_replay_and_discard(
    outbox: Outbox, command: Command, kafka_bootstrap_servers: str, poisons: dict[str, list[UUID]]
) -> None:
    table = command("dead-letters", "list", "test").stdout.splitlines()
    assert table[0].split() == [
        "EVENT",
        "ID",
        "STATE",
        "KIND",
        "TOPIC",
        "KEY",
        "ATTEMPTS",
        "PARKED",
        "AT",
        "REASON",
    ]
    assert [line.split()[:5] for line in table[1:]] == [
        [str(poisons[key][number]), "PARKED", "behind" if number else "too_large", outbox.topic, key]
        for number in range(3)
        for key in ("a", "b")
    ]
    page = json.loads(command("dead-letters", "list", "test", "--limit", "2", "--json").stdout)
    assert len(page["deadLetters"]) == 2
    assert [line.split()[6] for line in table[1:3]] == [letter["parkedAt"] for letter in page["deadLetters"]]
    rest = command("dead-letters", "list", "test", "--json", "--after", str(page["nextAfter"]), "--key", "a")
    assert [letter["eventId"] for letter in json.loads(rest.stdout)["deadLetters"]] == [
        str(event_id) for event_id in poisons["a"][1:]
    ]

    shown = json.loads(command("dead-letters", "show", "test", str(poisons["a"][1]), "--json").stdout)
    assert json.loads(shown["payload"])["number"] == 1
    assert shown["headers"]["ce_id"] == str(poisons["a"][1])
    assert (shown["kind"], shown["attempts"]) == ("behind", 0)
    for_people = command("dead-letters", "show", "test", str(poisons["a"][1])).stdout
    assert '"number":1' in for_people
    assert "header ce_type" in for_people

    discarded = command("dead-letters", "discard", "test", str(poisons["a"][0]), *WHO)
    assert discarded.returncode == 0
    assert "2 of their keys are still parked" in discarded.stdout
    logged = json.loads(discarded.stderr)
    assert logged["event"] == "dead_letter_discarded"
    assert {name: logged[name] for name in ("source", "event_ids", "by", "reason")} == {
        "source": "test",
        "event_ids": [str(poisons["a"][0])],
        **BODY,
    }
    replayed = command("dead-letters", "replay", "test", "--topic", outbox.topic, "--key", "a", *WHO)
    assert replayed.stdout == "2 to be replayed\n"
    assert json.loads(replayed.stderr)["event"] == "dead_letter_replay_requested"
    raise_the_limit(outbox, kafka_bootstrap_servers)
    everything = command("dead-letters", "replay", "test", "--all", *WHO, "--json")
    assert json.loads(everything.stdout)["replaying"] == 3
    assert read_all(kafka_bootstrap_servers, outbox.topic, 5) == {"a": [1, 2], "b": [10, 11, 12]}
    wait_until(
        lambda: "no dead letters" in command("dead-letters", "list", "test").stdout, "all to be closed"
    )
    kept = outbox.run("SELECT DISTINCT state, changed_by, change_reason FROM outbox_dead_letter ORDER BY 1")
    assert kept == [("DISCARDED", "kim", "ticket 7"), ("REPLAYED", "kim", "ticket 7")]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["list"], 2, "SOURCE"),
        (["list", "tset"], 2, "there is no source 'tset'; the environment has: gone, test"),
        (["list", "test", "--state", "LOST"], 2, "--state"),
        (["list", "test", "--limit", "0"], 2, "--limit"),
        (["show", "test", "7"], 2, "not a valid UUID"),
        (["show", "test", str(UUID(int=7))], 1, "test has no dead letter"),
        (["replay", "test", "--all", "--reason", "why"], 2, "--by"),
        (["discard", "test", "--all", "--by", "kim"], 2, "--reason"),
        (["discard", "test", "--all", "--by", " ", "--reason", "why"], 2, "--by"),
        (["replay", "test", *WHO], 2, "these arguments select nothing"),
        (["replay", "test", "--topic", "t", *WHO], 2, "these arguments select nothing"),
        (["replay", "test", "--all", "--key", "k", *WHO], 2, "these arguments select nothing"),
        (["replay", "test", str(UUID(int=7)), "--all", *WHO], 2, "these arguments select nothing"),
        (["replay", "test", str(UUID(int=7)), *WHO], 1, "test has no dead letter"),
        (["replay", "test", "--all", *WHO], 1, "no parked event matches"),
        (["discard", "test", "--topic", "t", "--key", "k", *WHO], 1, "no parked event matches"),
        (["list", "gone"], 1, "Connection refused"),
        (["discard", "gone", "--all", *WHO], 1, "Connection refused"),
    ],
)
def test_failing_command_prints_one_line_and_sets_its_exit_status(
    command: Command, arguments: list[str], status: int, message: str
) -> None:
    done = command("dead-letters", *arguments)

    assert (done.returncode, done.stdout) == (status, "")
    (line,) = done.stderr.splitlines()
    assert message in line
    assert "secret" not in line


def test_event_that_is_being_replayed_is_not_discarded_by_a_command(outbox: Outbox, command: Command) -> None:
    event_id = outbox.append("a", 1)
    outbox.run(
        "INSERT INTO outbox_dead_letter (position, id, topic, aggregatetype, aggregateid, type, source,"
        " payload, created_at, state, kind, reason)"
        " SELECT position, id, topic, aggregatetype, aggregateid, type, source,"
        " payload, created_at, 'REPLAYING', 'too_large', E'a\\x1b[31mreason' FROM outbox"
    )

    done = command("dead-letters", "discard", "test", str(event_id), *WHO)

    assert (done.returncode, done.stderr) == (1, f"Error: {event_id} is being replayed\n")
    assert r"a\x1b[31mreason" in command("dead-letters", "list", "test").stdout


def test_missing_settings_are_named(outbox: Outbox) -> None:
    for arguments in (
        ["dead-letters", "list", "test"],
        ["rebase", "test"],
        ["reshard", "test", "--shards", "2"],
    ):
        done = run({"PATH": os.environ["PATH"]}, *arguments)
        assert done.returncode == 2
        assert "SOURCES: is missing" in done.stderr
        assert "KAFKA" not in done.stderr


def test_http_lists_shows_replays_and_discards(
    outbox: Outbox, relay: RelayProcess, kafka_bootstrap_servers: str, poisons: dict[str, list[UUID]]
) -> None:
    letters = f"{relay.url}/api/v1/relay/sources/test/dead-letters"
    first = httpx.get(letters, params={"limit": 4}).json()
    second = httpx.get(letters, params={"limit": 4, "after": first["nextAfter"]}).json()
    listed = [letter["eventId"] for letter in first["deadLetters"] + second["deadLetters"]]
    assert listed == [str(poisons[key][number]) for number in range(3) for key in ("a", "b")]
    assert second["nextAfter"] is None
    assert httpx.get(letters, params={"state": "discarded"}).json()["deadLetters"] == []
    shown = httpx.get(f"{letters}/{poisons['b'][0]}").json()
    assert (shown["state"], shown["kind"], shown["key"], shown["attempts"]) == ("PARKED", "too_large", "b", 1)
    assert shown["headers"]["ce_type"] == "Tested"

    discarded = httpx.post(f"{letters}/{poisons['a'][0]}/discard", json={**BODY, "replayRest": True}).json()
    assert (discarded["discarded"], discarded["replaying"]) == (1, 2)
    assert read_all(kafka_bootstrap_servers, outbox.topic, 2) == {"a": [1, 2]}
    again = httpx.post(f"{letters}/{poisons['a'][0]}/replay", json=BODY)
    assert (again.status_code, again.json()["type"]) == (409, "urn:problem:dead-letter-is-closed")

    raise_the_limit(outbox, kafka_bootstrap_servers)
    replayed = httpx.post(f"{letters}/{poisons['b'][1]}/replay", json=BODY).json()
    assert replayed == {"replaying": 2, "eventIds": [str(event_id) for event_id in poisons["b"][:2]]}
    of_a_key = {**BODY, "topic": outbox.topic, "key": "b"}
    assert httpx.post(f"{letters}/replay", json=of_a_key).json()["replaying"] == 1
    assert read_all(kafka_bootstrap_servers, outbox.topic, 5)["b"] == [10, 11, 12]
    assert httpx.post(f"{letters}/discard", json={**BODY, "all": True}).json()["discarded"] == 0
    logged = [line for line in relay.logged("info") if line["event"].startswith("dead_letter_")]
    assert [(line["event"], line["events"], line["by"], line["reason"]) for line in logged] == [
        ("dead_letter_discarded", 1, *BODY.values()),
        ("dead_letter_replay_requested", 2, *BODY.values()),
        ("dead_letter_replay_requested", 1, *BODY.values()),
    ]
    assert all(line["request_id"] for line in logged)


def test_key_and_topic_that_are_very_long_can_be_named(
    outbox: Outbox, relay: RelayProcess, command: Command
) -> None:
    key, topic = "key" * 5_000, "topic" * 1_000
    with outbox.transaction() as transaction:
        transaction.append(key)
        transaction.append(key)
        # In the same transaction: the relay reads what is committed at once.
        transaction.run("UPDATE outbox SET topic = :topic", topic=topic)
    wait_until(lambda: relay.shard()["deadLetters"] == 2, "both to be parked", 60)
    named = ("--topic", topic, "--key", key)
    listed = json.loads(command("dead-letters", "list", "test", *named, "--json").stdout)
    assert [letter["key"] for letter in listed["deadLetters"]] == [key, key]
    head, *lines = command("dead-letters", "list", "test").stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line[head.index("KEY") : head.index("ATTEMPTS")].strip() == ("key" * 83)[:248] + "…"
        assert len(line) < 1_000
    url = f"{relay.url}/api/v1/relay/sources/test/dead-letters"
    answer = httpx.post(f"{url}/discard", json={**BODY, "topic": topic, "key": key}, timeout=5)
    assert (answer.status_code, answer.json()["discarded"]) == (200, 2)
    done = command("dead-letters", "discard", "test", *named, *WHO)
    assert "no parked event matches" in done.stderr


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "other/dead-letters", None, 404, None),
        ("GET", "test/dead-letters?state=LOST", None, 422, "query.state"),
        ("GET", "test/dead-letters?limit=0", None, 422, "query.limit"),
        ("GET", "test/dead-letters?after=x", None, 422, "query.after"),
        ("GET", "test/dead-letters/7", None, 422, "path.eventId"),
        ("GET", f"test/dead-letters/{UUID(int=7)}", None, 404, None),
        ("POST", f"test/dead-letters/{UUID(int=7)}/replay", BODY, 404, None),
        ("POST", f"test/dead-letters/{UUID(int=7)}/discard", BODY, 404, None),
        ("POST", f"test/dead-letters/{UUID(int=7)}/replay", {"by": "kim"}, 422, "reason"),
        ("POST", f"test/dead-letters/{UUID(int=7)}/discard", {**BODY, "by": " "}, 422, "by"),
        ("POST", f"test/dead-letters/{UUID(int=7)}/discard", {**BODY, "replayRest": 1}, 422, "replayRest"),
        ("POST", f"test/dead-letters/{UUID(int=7)}/replay", {**BODY, "why": "x"}, 422, "why"),
        ("POST", "test/dead-letters/replay", BODY, 422, "body"),
        ("POST", "test/dead-letters/replay", {**BODY, "topic": "t"}, 422, "body"),
        ("POST", "test/dead-letters/replay", {**BODY, "all": True, "key": "k"}, 422, "body"),
        ("POST", "test/dead-letters/discard", {"all": True, "reason": "why"}, 422, "by"),
        ("POST", "test/dead-letters/discard", {**BODY, "all": True, "topic": "\x00"}, 422, "topic"),
        ("POST", "gone/dead-letters/replay", {**BODY, "all": True}, 503, None),
    ],
)
def test_bad_requests_are_problems_that_name_the_field(
    two_sources: RelayProcess,
    method: str,
    path: str,
    body: dict[str, Any] | None,
    status: int,
    field: str | None,
) -> None:
    reply = httpx.request(method, f"{two_sources.url}/api/v1/relay/sources/{path}", json=body, timeout=30)

    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in reply.json().get("errors", [])] == ([field] if field else [])
    assert "secret" not in reply.text


@pytest.fixture(scope="module")
def two_sources(
    postgresql_server: PostgresqlServer,
    kafka_bootstrap_servers: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RelayProcess]:
    """A relay for all of these requests; one of its sources can't be reached."""
    with (
        fresh_database(postgresql_server.url()) as name,
        an_outbox(postgresql_server.url(database=name), "topic") as outbox,
        a_relay_process(
            tmp_path_factory.mktemp("relay"),
            kafka_bootstrap_servers,
            {"test": outbox.relay_url, "gone": NOWHERE},
        ) as relay,
    ):
        yield relay


def test_openapi_describes_dead_letters(two_sources: RelayProcess) -> None:
    document = httpx.get(f"{two_sources.url}/openapi.json").json()

    base = "/api/v1/relay/sources/{source}/dead-letters"
    paths = {path: set(found) for path, found in document["paths"].items() if path.startswith(base)}
    assert paths == {
        base: {"get"},
        f"{base}/{{eventId}}": {"get"},
        f"{base}/{{eventId}}/replay": {"post"},
        f"{base}/{{eventId}}/discard": {"post"},
        f"{base}/replay": {"post"},
        f"{base}/discard": {"post"},
    }
    body = document["components"]["schemas"]["SelectionDiscardBody"]["properties"]
    assert set(body) == {"by", "reason", "topic", "key", "kind", "all", "replayRest"}


def test_rebase_and_reshard_of_a_running_relay_lose_nothing_in_order(
    outbox: Outbox, relay: RelayProcess, command: Command, kafka_bootstrap_servers: str
) -> None:
    expected: dict[str, list[int]] = {f"key-{key}": [] for key in range(5)}

    def append_some(first: int) -> None:
        for number in range(first, first + 20):
            outbox.append(f"key-{number % 5}", number)
            expected[f"key-{number % 5}"].append(number)

    append_some(0)
    assert command("reshard", "test", "--shards", "3").stdout == "test: 3 shards\n"
    append_some(20)
    rebased = command("rebase", "test")
    assert rebased.returncode == 0
    assert rebased.stdout.startswith("test: rebased, ")
    append_some(40)

    assert read_all(kafka_bootstrap_servers, outbox.topic, 60) == expected
    assert outbox.run("SELECT count(*), min(shards) FROM outbox_cursor") == [(3, 3)]
    for arguments in (["rebase", "gone"], ["reshard", "gone", "--shards", "2"]):
        done = command(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    for arguments in (["rebase", "other"], ["reshard", "test", "--shards", "257"], ["reshard", "test"]):
        done = command(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_ddl_makes_an_outbox_that_is_published(
    database_url: str, topic: str, kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    printed = run(
        {"PATH": os.environ["PATH"]}, "ddl", "--schema", "shop", "--role", RELAY_ROLE, "--shards", "2"
    )
    assert printed.returncode == 0
    url = make_url(database_url).set(drivername="postgresql+psycopg2")
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA shop")
        connection.exec_driver_sql(printed.stdout)
        connection.execute(
            text(
                "INSERT INTO shop.outbox (id, topic, aggregatetype, aggregateid, type, source, payload)"
                " VALUES (:id, :topic, 'test', 'a', 'Tested', '/test', '{\"number\": 1}')"
            ),
            {"id": uuid4(), "topic": topic},
        )
    relay_url = make_url(database_url).set(drivername="postgresql", username=RELAY_ROLE, password=RELAY_ROLE)
    sources = {"test": relay_url.render_as_string(hide_password=False)}
    schema = {"sources__test__database_schema": "shop"}
    with a_relay_process(tmp_path, kafka_bootstrap_servers, sources, **schema):
        assert read_all(kafka_bootstrap_servers, topic, 1) == {"a": [1]}

    for wrong in (["--schema", "a-b"], ["--role", 'a"b'], ["--shards", "0"]):
        done = run({"PATH": os.environ["PATH"]}, "ddl", *wrong)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
