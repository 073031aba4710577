"""What a statement of SQLAlchemy's reads, seen from the plan that it was executed by."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from servicekit.db.retention import Sweep


def rows_read_by(connection: Connection, sweep: Sweep, limit: int, table: str) -> float:
    """Rows of ``table`` that a batch of ``sweep`` looks at. Nothing is removed."""
    plans: list[dict[str, Any]] = []

    def explain(conn: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        plans.append(cursor.fetchone()[0][0]["Plan"])

    with connection.begin() as transaction:
        event.listen(connection, "before_cursor_execute", explain)
        sweep(connection, limit)
        transaction.rollback()
    [plan] = plans
    scans = [node for node in _nodes(plan) if node.get("Relation Name") == table]
    return sum(_rows_read(node) for node in scans if "Scan" in node["Node Type"])


@contextmanager
def tables_read_whole(engine: Engine) -> Iterator[set[str]]:
    """Grows by the tables that the block's statements read from beginning to end, by their plans."""
    found: set[str] = set()

    def explain(conn: Connection, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        with closing(conn.connection.cursor()) as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            [([explained],)] = cursor.fetchall()
        nodes = _nodes(explained["Plan"])
        found.update(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan")

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def _rows_read(scan: dict[str, Any]) -> float:
    return float((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
