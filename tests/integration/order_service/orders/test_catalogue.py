"""Products, and orders that have the catalogue's prices."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from order_service.domain.order import MAX_AMOUNT
from servicekit.db.errors import constraint_name, sqlstate
from tests.integration.order_service import former_release
from tests.integration.order_service.shop import (
    Shop,
    a_product_body,
    an_order_body,
    an_order_of,
    slug,
)


def test_a_product_is_added_and_read(shop: Shop) -> None:
    reply = shop.add_product()
    assert reply.status_code == 201
    body = reply.get_json()
    assert body == a_product_body() | {"createdAt": body["createdAt"]}
    assert reply.headers["Location"] == "/api/v1/products/C-1"
    assert shop.client.get("/api/v1/products/C-1").get_json() == body


@pytest.mark.parametrize(
    "terms",
    [
        {"unitPrice": 0},
        {"unitPrice": 10**12},
        {"name": "가" * 200},
        {"stock": 0},
        {"stock": MAX_AMOUNT},
        {"stock": None},
        {"currency": "USD"},
        {"productId": "x" * 64},
        {"productId": "a.B_c:9-"},
    ],
    ids=lambda terms: "".join(terms),
)
def test_a_product_at_a_limit_is_added(shop: Shop, terms: dict[str, object]) -> None:
    body = a_product_body() | terms
    reply = shop.client.post("/api/v1/products", json=body)
    assert reply.status_code == 201, reply.text
    assert shop.client.get(reply.headers["Location"]).get_json() == reply.get_json()
    assert reply.get_json().items() >= body.items()


def test_a_name_is_kept_without_blanks_around_it(shop: Shop) -> None:
    assert shop.add_product(name="  머그 컵\n").get_json()["name"] == "머그 컵"


def test_a_product_is_added_once(shop: Shop) -> None:
    first, again = shop.add_product(key="k-1"), shop.add_product(key="k-1")
    assert (again.status_code, again.data) == (201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"

    reply = shop.add_product(key="k-2", unitPrice=1)
    assert (reply.status_code, slug(reply)) == (409, "product-already-exists")
    assert [error["field"] for error in reply.get_json()["errors"]] == ["productId"]
    assert shop.query("SELECT unit_price FROM product") == [(12_000,)]
    assert shop.count("idempotency_key") == 1


def test_one_product_added_by_many_at_once_is_added_once(shop: Shop) -> None:
    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(lambda number: shop.add_product(key=f"k-{number}"), range(8)))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 7


def test_an_unknown_product_is_not_found(shop: Shop) -> None:
    reply = shop.client.get("/api/v1/products/C-1")
    assert (reply.status_code, slug(reply)) == (404, "product-not-found")
    assert [error["field"] for error in reply.get_json()["errors"]] == ["path.productId"]


def test_the_catalogue_is_read_by_pages(shop: Shop) -> None:
    names = ["C-1", "C-10", "C-2", "c-1", "D", "a"]
    for name in reversed(names):
        shop.add_product(name)
    # Pages don't depend on when a product was added.
    shop.execute("UPDATE product SET created_at = '2026-11-30T00:00:00Z'")

    read, after = [], None
    for _ in range(4):
        query = {"limit": "2"} if after is None else {"limit": "2", "after": after}
        page = shop.client.get("/api/v1/products", query_string=query).get_json()
        read.append([product["productId"] for product in page["products"]])
        after = page["nextAfter"]
        if after is None:
            break
    # By their bytes, whatever the database's collation is.
    assert read == [["C-1", "C-10"], ["C-2", "D"], ["a", "c-1"]]


def a_line(number: int, **others: object) -> dict[str, object]:
    return {
        "lineNumber": number,
        "productId": "P-1",
        "name": None,
        "quantity": 1,
        "leftQuantity": 1,
        **others,
    }


def test_an_order_has_the_catalogues_prices_and_names(shop: Shop) -> None:
    shop.add_product("C-1")
    shop.add_product("C-2", name="머그 컵", unitPrice=500, stock=None)
    order = shop.place(an_order_of(("C-2", 3), ("C-1", 1))).get_json()
    assert order["items"] == [
        a_line(1, productId="C-2", name="머그 컵", quantity=3, leftQuantity=3, unitPrice=500),
        a_line(2, productId="C-1", name="순면 티셔츠", unitPrice=12_000),
    ]
    assert order["totalAmount"] == 13_500
    assert shop.order(order["orderId"]) == order


def test_an_order_keeps_the_name_that_it_was_placed_with(shop: Shop) -> None:
    shop.add_product()
    order_id = shop.placed(an_order_of(("C-1", 1)))
    shop.execute("UPDATE product SET name = 'other', unit_price = 1")
    [item] = shop.order(order_id)["items"]
    assert (item["name"], item["unitPrice"]) == ("순면 티셔츠", 12_000)


def test_the_catalogues_price_may_be_sent(shop: Shop) -> None:
    shop.add_product()
    items = [{"productId": "C-1", "quantity": 2, "unitPrice": 12_000}]
    assert shop.place(an_order_body(items=items)).get_json()["totalAmount"] == 24_000


@pytest.mark.parametrize("price", [0, 1, 11_999, 12_001, 10**12])
def test_another_price_than_the_catalogues_is_refused(shop: Shop, price: int) -> None:
    shop.add_product()
    items = [
        {"productId": "P-1", "quantity": 1, "unitPrice": 1},
        {"productId": "C-1", "quantity": 1, "unitPrice": price},
    ]
    reply = shop.place(an_order_body(items=items), key="k-1")
    assert (reply.status_code, slug(reply)) == (422, "price-mismatch")
    assert [error["field"] for error in reply.get_json()["errors"]] == ["items.1.unitPrice"]
    # The key is free for the corrected order.
    assert shop.place(an_order_of(("C-1", 1)), key="k-1").status_code == 201


def test_a_product_is_sold_in_its_currency_only(shop: Shop) -> None:
    shop.add_product(currency="USD")
    reply = shop.place(an_order_of(("C-1", 1)))
    assert (reply.status_code, slug(reply)) == (422, "product-currency-mismatch")
    assert [error["field"] for error in reply.get_json()["errors"]] == ["items.0.productId"]
    assert shop.place(an_order_of(("C-1", 1), currency="USD")).status_code == 201


def test_a_total_over_the_limit_is_refused_with_the_catalogues_prices(shop: Shop) -> None:
    shop.add_product(unitPrice=10**12)
    reply = shop.place(an_order_of(*[("C-1", 1_000_000)] * 200), key="k-1")
    assert (reply.status_code, slug(reply)) == (422, "order-total-too-large")
    assert shop.count("idempotency_key") == 0


def test_other_products_are_refused_where_the_catalogue_is_required(shop: Shop) -> None:
    strict = Shop(shop.engine, requires_catalogue=True)
    strict.add_product()
    assert strict.place(an_order_of(("C-1", 1))).status_code == 201
    items = [{"productId": "C-1", "quantity": 1}, {"productId": "P-1", "quantity": 1, "unitPrice": 5}]
    reply = strict.place(an_order_body(items=items))
    assert (reply.status_code, slug(reply)) == (422, "product-not-in-catalogue")
    assert [error["field"] for error in reply.get_json()["errors"]] == ["items.1.productId"]


def test_a_repeated_order_is_the_first_one_whatever_the_catalogue_has_now(shop: Shop) -> None:
    first = shop.place(key="k-1")
    shop.add_product("P-1", unitPrice=1)
    again = shop.place(key="k-1")
    assert (again.status_code, again.data) == (201, first.data)


def test_an_order_of_the_former_release_is_outside_of_the_catalogue(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        former_release.add(connection, None)
    [(order_id,)] = shop.query("SELECT order_id FROM orders")
    assert shop.order(order_id)["items"] == [a_line(1, unitPrice=100)]


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("stock = -1", "product_stock_never_negative"),
        ("unit_price = -1", "product_unit_price_check"),
        ("name = ''", "product_name_check"),
        ("currency = 'won'", "product_currency_check"),
    ],
)
def test_the_database_refuses_what_no_product_is(shop: Shop, change: str, constraint: str) -> None:
    shop.add_product()
    with pytest.raises(DBAPIError) as error, shop.engine.begin() as connection:
        connection.execute(text(f"UPDATE product SET {change}"))  # noqa: S608 - ours
    assert (sqlstate(error.value), constraint_name(error.value)) == ("23514", constraint)
