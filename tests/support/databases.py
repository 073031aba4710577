"""A database for each test on one server."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import sql

RELAY_ROLE = "outbox_relay"


def make_roles(administrator_url: str) -> None:
    """Create the role that migrations grant the outbox to."""
    _run(
        administrator_url,
        sql.SQL("CREATE ROLE {role} LOGIN PASSWORD {password}").format(
            role=sql.Identifier(RELAY_ROLE), password=sql.Literal(RELAY_ROLE)
        ),
    )


@contextmanager
def fresh_database(administrator_url: str, template: str = "template1") -> Iterator[str]:
    """The name of a database that lives as long as the block: empty, or a copy of ``template``."""
    name = f"test_{uuid.uuid4().hex}"
    _run(
        administrator_url,
        sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(
            name=sql.Identifier(name), template=sql.Identifier(template)
        ),
    )
    try:
        yield name
    finally:
        _run(
            administrator_url, sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(name=sql.Identifier(name))
        )


def _run(administrator_url: str, statement: sql.Composed) -> None:
    connection = psycopg2.connect(administrator_url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
