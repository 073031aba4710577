"""Two servers that refuse unencrypted connections, started once for all of these tests."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from devstack.free_ports import find_free_ports
from devstack.roles import make_roles_and_databases
from tests.integration.security.servers import (
    BROKER_PASSWORD,
    DATABASE_PASSWORD,
    PASSWORD,
    USER,
    SecuredServers,
)
from tests.support.broker_security import TlsBrokerSecurity
from tests.support.certificates import CertificateAuthority, TlsFiles
from tests.support.secured_postgresql import SecuredPostgresqlServer
from tests.support.servers import a_kafka_broker


@pytest.fixture(scope="session")
def secured(server_directory: Path) -> Iterator[SecuredServers]:
    directory = server_directory / "secured"
    authority = CertificateAuthority(directory / "authority")
    server = authority.issue("127.0.0.1")
    tls = TlsFiles(server.certificate_file, server.key_file, authority.file)
    users = {"broker": BROKER_PASSWORD, USER: PASSWORD}
    security = TlsBrokerSecurity(tls, users, client_certificate_port=find_free_ports(1)[0])
    with ExitStack() as servers:
        postgresql = servers.enter_context(SecuredPostgresqlServer(directory / "postgresql", tls))
        make_roles_and_databases(postgresql.url())
        kafka = servers.enter_context(a_kafka_broker(directory / "kafka", security=security))
        yield SecuredServers(
            postgresql, kafka, security, authority, CertificateAuthority(directory / "stranger")
        )


@pytest.fixture
def database(secured: SecuredServers, unique: str) -> str:
    """An empty database of the test's own, and the role of the same name that owns it."""
    name = f"test_{unique}"
    with closing(psycopg2.connect(secured.postgresql.url())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in (
                "CREATE ROLE {name} LOGIN PASSWORD {password}",
                "CREATE DATABASE {name} OWNER {name}",
            ):
                cursor.execute(
                    sql.SQL(statement).format(
                        name=sql.Identifier(name), password=sql.Literal(DATABASE_PASSWORD)
                    )
                )
    return name
