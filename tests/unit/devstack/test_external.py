from pathlib import Path

import pytest

from devstack.errors import UsageError
from devstack.external import ExternalInfrastructure, ExternalServers
from devstack.services import SHOP


def _infrastructure(url: str) -> ExternalInfrastructure:
    return ExternalInfrastructure(ExternalServers(postgresql_url=url, bootstrap_servers="broker:9092"))


def test_a_services_url_keeps_the_server_and_its_options() -> None:
    infrastructure = _infrastructure("postgresql://admin:s%40crt@db.example:6432/postgres?sslmode=require")

    url = infrastructure.database_url("coupon", "coupon_service")

    assert url == "postgresql://coupon_service:coupon_service@db.example:6432/coupon?sslmode=require"


@pytest.mark.parametrize("url", ["", "db.example:5432", "mysql://db.example/x", "postgresql:///x"])
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="must look like postgresql://"):
        _infrastructure(url)


SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "shop",
    "KAFKA_SASL_PASSWORD": "se{cre}t",
}


def _servers(**kafka_security: str) -> ExternalServers:
    return ExternalServers(
        postgresql_url="postgresql://admin:secret@db.example/postgres",
        bootstrap_servers="broker:9092",
        kafka_security=kafka_security,
    )


def test_a_secured_cluster_is_told_to_clients_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "of another cluster")
    _servers(**SASL).write(tmp_path)

    remembered = ExternalServers.read(tmp_path)

    assert remembered.cluster.client_options["sasl_plain_password"] == "se{cre}t"
    assert (tmp_path / "servers.json").stat().st_mode & 0o077 == 0


def test_security_that_makes_no_sense_is_told_by_variable() -> None:
    servers = _servers(KAFKA_SECURITY_PROTOCOL="SASL_SSL", KAFKA_SASL_USERNAME="shop")
    with pytest.raises(UsageError, match=r"KAFKA_SASL_MECHANISM: is .*; KAFKA_SASL_PASSWORD: is "):
        ExternalInfrastructure(servers)


def test_only_clients_of_kafka_are_told_how_it_is_secured() -> None:
    told = {
        service.name: service.environment.get("KAFKA_SASL_PASSWORD")
        for service in SHOP.telling_kafka_clients(SASL).services
    }
    assert told["outbox-relay"] == "se{{cre}}t"
    assert told["coupon-api"] is None
