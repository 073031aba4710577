"""The relay's HTTP API without its database: its version, and readiness from the status board."""

from importlib.metadata import version

from outbox_relay.operations.app import create_relay_app
from outbox_relay.protocol.errors import BatchRefused, SourceUnavailable
from outbox_relay.running.status import StatusBoard


def failing_checks(board: StatusBoard) -> dict[str, str]:
    """The reasons of the readiness checks that fail."""
    checks = create_relay_app(board, {}).test_client().get("/readyz").get_json()["checks"]
    return {name: check["reason"] for name, check in checks.items() if check["status"] != "ok"}


def test_openapi_document_has_the_version_of_the_distribution() -> None:
    document = create_relay_app(StatusBoard([]), {}).test_client().get("/openapi.json").get_json()

    assert document["info"]["version"] == version("outbox-relay")
    assert "/api/v1/relay/sources" in document["paths"]


def test_nothing_counts_as_ready_before_it_was_checked() -> None:
    reasons = failing_checks(StatusBoard(["test"]))

    assert set(reasons) == {"kafka", "test.database"}
    assert all(reason.startswith("NotCheckedYet") for reason in reasons.values())


def test_standby_is_ready_although_it_had_failed_to_publish() -> None:
    board = StatusBoard(["test"])
    board.kafka_checked(None)
    board.leadership_confirmed("test", frozenset({0}))
    board.turn_ended("test", BatchRefused("test"))
    assert set(failing_checks(board)) == {"test.publishing"}

    board.leadership_confirmed("test", frozenset())

    assert failing_checks(board) == {}


def test_lost_database_is_named_by_readiness() -> None:
    board = StatusBoard(["test"])
    board.kafka_checked(None)
    board.leadership_failed("test", SourceUnavailable("away"))

    assert failing_checks(board) == {"test.database": "SourceUnavailable: away"}
