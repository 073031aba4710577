"""The statements in ``sql/``, each of them in a file with its reasons."""

import re
from functools import cache
from importlib import resources

from sqlalchemy import TextClause, text

from outbox_relay.protocol.model import Shards

_STATEMENTS = resources.files(__package__) / "sql"
_PARAMETER = re.compile(r"(?<![:\w]):(\w+)")
# What hash partitioning in PostgreSQL itself rests on, so it stays the same from one version to the next.
_SHARD_OF_ROW = 'mod(hashtextextended(aggregateid COLLATE "C", 0) & 2147483647, :total) = ANY (:numbers)'


@cache
def query(name: str) -> TextClause:
    """The statement in ``sql/<name>.sql``."""
    return text(_read(name))


def sharded(name: str, shards: Shards) -> tuple[TextClause, dict[str, object]]:
    """The statement in ``sql/<name>.sql`` for some shards only, and the parameters which say that."""
    if shards.all:
        return _sharded(name, "true"), {}
    return _sharded(name, _SHARD_OF_ROW), {"total": shards.total, "numbers": sorted(shards.numbers)}


@cache
def preparation(name: str) -> str:
    """What makes PostgreSQL keep the plan of the statement in ``sql/<name>.sql`` for a session."""
    numbers = {parameter: number for number, parameter in enumerate(_parameters(name), start=1)}
    statement = _PARAMETER.sub(lambda match: f"${numbers[match[1]]}", _read(name))
    return f"PREPARE {name} AS {statement}"


@cache
def execution(name: str) -> TextClause:
    """How that is executed, with the same parameters as the statement."""
    return text(f"EXECUTE {name}({', '.join(f':{parameter}' for parameter in _parameters(name))})")


def _parameters(name: str) -> list[str]:
    return list(dict.fromkeys(_PARAMETER.findall(_read(name))))


@cache
def _sharded(name: str, condition: str) -> TextClause:
    return text(_read(name).replace("/*shards*/", condition))


def _read(name: str) -> str:
    return (_STATEMENTS / f"{name}.sql").read_text(encoding="utf-8")
