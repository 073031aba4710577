from pathlib import Path

import pytest

from devstack.errors import UsageError
from devstack.external_stack import ExternalServers, ExternalStack
from devstack.stack_of_processes import url_for_role


def _servers(url: str = "postgresql://admin:secret@db.example/postgres", **security: str) -> ExternalServers:
    return ExternalServers(url, "broker:9092", security)


def test_a_services_url_keeps_the_server_and_its_options() -> None:
    administrator = "postgresql://admin:s%40crt@db.example:6432/postgres?sslmode=require"

    url = url_for_role(administrator, "coupon", "coupon_service")

    assert url == "postgresql://coupon_service:coupon_service@db.example:6432/coupon?sslmode=require"


@pytest.mark.parametrize("url", ["", "db.example:5432", "mysql://db.example/x", "postgresql:///x"])
def test_a_url_that_names_no_server_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must look like postgresql://"):
        ExternalStack(tmp_path, _servers(url))


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
