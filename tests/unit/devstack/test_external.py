from pathlib import Path

import pytest

from devstack.config import read_settings
from devstack.errors import UsageError
from devstack.external_stack import ExternalServers, ExternalStack
from devstack.stack_of_processes import url_for_role


def _servers(url: str = "postgresql://admin:secret@db.example/postgres", **security: str) -> ExternalServers:
    return ExternalServers(url, "broker:9092", security)


def test_a_services_url_keeps_the_server_and_its_options() -> None:
    administrator = "postgresql://admin:s%40crt@db.example:6432/postgres?sslmode=require"

    url = url_for_role(administrator, "coupon", "coupon_service")

    assert url == "postgresql://coupon_service:coupon_service@db.example:6432/coupon?sslmode=require"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXTERNAL_POSTGRESQL_URL", "db.example:5432"),
        ("EXTERNAL_POSTGRESQL_URL", "mysql://db.example/x"),
        ("EXTERNAL_POSTGRESQL_URL", "postgresql:///x"),
        ("EXTERNAL_KAFKA_BOOTSTRAP_SERVERS", "broker.example"),
    ],
)
def test_an_address_that_names_no_server_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(UsageError, match=f"^{name}: [^\n]+$") as refused:
        read_settings()

    assert "\n" not in str(refused.value)


def test_no_password_is_kept_of_the_addresses(tmp_path: Path) -> None:
    stack = ExternalStack(tmp_path, _servers("postgresql://admin:s3cret@db.example:6432/postgres"))

    assert stack.variables == {
        "EXTERNAL_POSTGRESQL_URL": "db.example:6432",
        "EXTERNAL_KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
    }


def test_clients_get_the_security_of_a_secured_cluster() -> None:
    servers = _servers(
        KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT",
        KAFKA_SASL_MECHANISM="SCRAM-SHA-512",
        KAFKA_SASL_USERNAME="shop",
        KAFKA_SASL_PASSWORD="se{cre}t",
    )

    assert servers.cluster.client_options["sasl_plain_password"] == "se{cre}t"
    assert "cre" not in repr(servers)


def test_contradicting_variables_are_reported_by_name(tmp_path: Path) -> None:
    servers = _servers(KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_SASL_USERNAME="shop")

    with pytest.raises(UsageError, match=r"KAFKA_SASL_MECHANISM: is .*; KAFKA_SASL_PASSWORD: is "):
        ExternalStack(tmp_path, servers)
