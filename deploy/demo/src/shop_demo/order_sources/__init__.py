"""Where orders come from. Every source returns all of its orders, checked, or raises BadInput."""

from collections.abc import Callable
from pathlib import Path

from shop_demo.errors import BadInput
from shop_demo.order_sources.completejourney import read_completejourney
from shop_demo.order_sources.csv_file import read_csv_file
from shop_demo.order_sources.generator import generate_orders
from shop_demo.orders import OrderBatch

DEFAULT_GENERATED_ORDERS = 500
DEFAULT_BASKETS = 2_000


def read_orders(source: str, *, seed: int, limit: int | None, say: Callable[[str], None]) -> OrderBatch:
    """The orders of `source`: `generator`, `completejourney`, or the path of a CSV file."""
    if source == "generator":
        return generate_orders(count=limit or DEFAULT_GENERATED_ORDERS, seed=seed)
    if source == "completejourney":
        return read_completejourney(limit=limit or DEFAULT_BASKETS, seed=seed, say=say)
    if not source.lower().endswith(".csv") and not Path(source).exists():
        hint = f"; for {source} generated orders say LIMIT={source}" if source.isdigit() else ""
        raise BadInput(
            f"ORDERS={source} is neither generator, nor completejourney, nor a file that exists{hint}"
        )
    return read_csv_file(Path(source), seed=seed, limit=limit)
