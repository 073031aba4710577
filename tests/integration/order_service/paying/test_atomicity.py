"""Payment, order, stock and event stand or fall together: each of the four writes fails in turn."""

import pytest

from tests.integration.order_service.shop import A_SECOND, TOTAL, Shop, an_order_of, slug

# The write of the approval, of the completion, of what was sold, and of the event.
WRITES = {
    "payment": ("UPDATE", "NEW.status = 'APPROVED'"),
    "orders": ("UPDATE", "NEW.status = 'COMPLETED'"),
    "product": ("UPDATE", "NEW.stock < OLD.stock"),
    "outbox": ("INSERT", "true"),
}


@pytest.mark.parametrize("table", WRITES)
@pytest.mark.parametrize("at_commit", [False, True], ids=["at-the-write", "at-commit"])
def test_when_one_write_fails_none_of_the_four_exists(shop: Shop, table: str, at_commit: bool) -> None:
    shop.add_product(unitPrice=TOTAL, stock=1)
    order_id = shop.placed(an_order_of(("C-1", 1)))
    statement, condition = WRITES[table]
    _break(shop, table, statement, condition, at_commit=at_commit)

    broken = shop.pay(order_id, key="k-1")
    assert (broken.status_code, slug(broken)) == (500, "internal-server-error")
    assert shop.query("SELECT 1 FROM payment WHERE status = 'APPROVED' OR approved_at IS NOT NULL") == []
    assert shop.query("SELECT status, completed_at FROM orders") == [("PENDING_PAYMENT", None)]
    assert (shop.count("outbox"), shop.query("SELECT stock FROM product")) == (0, [(1,)])
    assert shop.pay(order_id, key="k-1").status_code == 500

    _mend(shop, table)
    shop.time_passes(A_SECOND)
    assert shop.pay(order_id, key="k-1").status_code == 201
    assert shop.payment_statuses() == ["APPROVED"]
    assert shop.order(order_id)["status"] == "COMPLETED"
    assert (shop.count("outbox"), len(shop.gateway.charged)) == (1, 1)
    assert shop.query("SELECT stock FROM product") == [(0,)]


def test_when_the_payment_can_not_be_stored_nothing_is_charged(shop: Shop) -> None:
    order_id = shop.placed()
    _break(shop, "payment")
    assert shop.pay(order_id, key="k-1").status_code == 500
    assert (shop.count("payment"), shop.count("idempotency_key"), len(shop.gateway.charged)) == (0, 0, 0)

    _mend(shop, "payment")
    assert shop.pay(order_id, key="k-1").status_code == 201


@pytest.mark.parametrize("table", ["orders", "order_item", "idempotency_key"])
def test_an_order_that_can_not_be_stored_whole_is_not_stored(shop: Shop, table: str) -> None:
    _break(shop, table)
    assert shop.place(key="k-1").status_code == 500
    assert [shop.count(name) for name in ("orders", "order_item", "idempotency_key")] == [0, 0, 0]

    _mend(shop, table)
    assert shop.place(key="k-1").status_code == 201


def _break(
    shop: Shop, table: str, statement: str = "INSERT", condition: str = "true", *, at_commit: bool = False
) -> None:
    """Make ``statement`` fail on rows that meet ``condition``: at once, or when it is committed."""
    shop.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'broken for a test'; END $$"
    )
    kind, time, deferred = "", "BEFORE", ""
    if at_commit:
        kind, time, deferred = "CONSTRAINT", "AFTER", "DEFERRABLE INITIALLY DEFERRED"
    shop.execute(
        f"CREATE {kind} TRIGGER broken {time} {statement} ON {table} {deferred} "
        f"FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION fail()"
    )


def _mend(shop: Shop, table: str) -> None:
    shop.execute(f"DROP TRIGGER broken ON {table}")
