"""A constraint that the code doesn't know fails: its answer and its log name it, and nobody's data."""

import json
from pathlib import Path

import httpx
import pytest

from devstack.free_ports import find_free_ports
from tests.integration.order_service.shop import Shop, an_order_body
from tests.support.command_process import CommandProcess
from tests.support.waiting import wait_until

RECIPIENT = an_order_body()["recipient"]
CHECKS = {
    "a CHECK": "ALTER TABLE orders ADD CONSTRAINT not_to_her CHECK (recipient_name <> '김하늘')",
    "a CHECK at the commit": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'no order for % (%)', NEW.recipient_name, NEW.recipient_phone
                USING ERRCODE = 'check_violation', DETAIL = NEW::text,
                      CONSTRAINT = 'not_to_her', TABLE = 'orders';
        END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()""",
    "a value that doesn't fit": """
        ALTER TABLE orders ADD COLUMN wrong int;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.wrong := NEW.recipient_name; RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION refuse()""",
}  # fmt: skip


@pytest.mark.parametrize(
    ("check", "log_format"), [*((check, "json") for check in CHECKS), ("a CHECK", "console")]
)
def test_no_value_reaches_the_log_or_the_client(
    shop: Shop, order_database_url: str, tmp_path: Path, check: str, log_format: str
) -> None:
    shop.execute(CHECKS[check])
    [port] = find_free_ports(1)
    environment = {
        "DATABASE_URL": order_database_url, "HTTP_PORT": str(port), "HTTP_WORKERS": "1", "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": log_format, "PAYMENT_GATEWAY": "in-process",
    }  # fmt: skip
    with (
        CommandProcess(["order-service", "api"], environment, tmp_path / "log") as api,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
    ):
        wait_until(lambda: client.get("/readyz").status_code == 200, "the API to be ready")
        reply = client.post("/api/v1/orders", json=an_order_body())
        wait_until(lambda: "request_failed" in api.log_text(), "the log line")
        log = api.log_text()

    assert reply.status_code == 500
    assert RECIPIENT["name"] not in log + reply.text
    assert json.dumps(RECIPIENT["name"])[1:-1] not in log
    assert RECIPIENT["phone"] not in log + reply.text
    assert RECIPIENT["phone"].replace("-", "") not in log
    if "CHECK" in check:
        assert "SQLSTATE 23514 check_violation, table orders, constraint not_to_her" in log
