import pytest

from devstack.errors import UsageError
from devstack.external import ExternalInfrastructure, ExternalServers


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
