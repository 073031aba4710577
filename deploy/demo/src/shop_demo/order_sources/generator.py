"""Orders made up from a seed: the same seed, the same orders."""

from datetime import UTC, datetime, timedelta

from shop_demo.orders import Order, OrderBatch, OrderItem, a_recipient
from shop_demo.seeded import seeded

_CATALOGUE_SIZE = 200
_CUSTOMERS = 5_000
_OPENING = datetime(2026, 1, 2, tzinfo=UTC)
_MEAN_SECONDS_BETWEEN_ORDERS = 40
# One order in ten is paid in dollars, so that sums by currency have something to keep apart.
_DOLLAR_SHARE = 0.1


def generate_orders(*, count: int, seed: int) -> OrderBatch:
    random = seeded(seed, "orders")
    won_prices = [random.randrange(1_000, 80_000, 100) for _ in range(_CATALOGUE_SIZE)]
    ordered_at = _OPENING
    orders = []
    for number in range(1, count + 1):
        ordered_at += timedelta(seconds=round(random.expovariate(1 / _MEAN_SECONDS_BETWEEN_ORDERS)))
        currency = "USD" if random.random() < _DOLLAR_SHARE else "KRW"
        products = random.sample(range(_CATALOGUE_SIZE), k=min(1 + int(random.expovariate(0.5)), 20))
        items = tuple(
            OrderItem(
                product_id=f"P-{product + 1:04}",
                quantity=random.choice((1, 1, 1, 2, 3)),
                unit_price=won_prices[product] if currency == "KRW" else won_prices[product] // 13,
            )
            for product in products
        )
        source_id = f"G-{seed}-{number:06}"
        customer_id = random.randint(1, _CUSTOMERS)
        orders.append(
            Order(source_id, customer_id, ordered_at, currency, items, a_recipient(seed, source_id))
        )
    return OrderBatch("generator", tuple(orders))
