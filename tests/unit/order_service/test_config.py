from datetime import timedelta

import pytest

from coupon_service.http.bodies import LONGEST_HOLD_SECONDS
from order_service.config import WAITING_FOR_COUPONS, WAITING_FOR_GATEWAY, ApiSettings, MigrationSettings
from servicekit.config import load_settings, read_settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (
        "DATABASE_URL",
        "PAYMENT_GATEWAY",
        "HTTP_PORT",
        "PAYMENT_IN_PROGRESS_SECONDS",
        "COUPON_SERVICE_URL",
    ):
        monkeypatch.delenv(variable, raising=False)


def test_every_missing_and_malformed_variable_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTP_PORT", "many")
    with pytest.raises(SystemExit) as exit_:
        load_settings(ApiSettings)
    assert exit_.value.code == 2
    message = capsys.readouterr().err
    assert [name for name in ("DATABASE_URL", "PAYMENT_GATEWAY", "HTTP_PORT") if name in message] == [
        "DATABASE_URL",
        "PAYMENT_GATEWAY",
        "HTTP_PORT",
    ]


def test_an_unknown_gateway_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@localhost/order")
    monkeypatch.setenv("PAYMENT_GATEWAY", "piggy-bank")
    with pytest.raises(SystemExit):
        load_settings(ApiSettings)
    message = capsys.readouterr().err
    assert "PAYMENT_GATEWAY" in message
    assert "secret" not in message


def test_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@localhost/order")
    monkeypatch.setenv("PAYMENT_GATEWAY", "in-process")
    assert read_settings(ApiSettings).http_port == 8002
    assert read_settings(MigrationSettings).outbox_relay_role == "outbox_relay"


@pytest.mark.parametrize("number", [1, 2, 3, 4, 16, 256])
def test_a_quarter_of_the_threads_calls_no_service_and_waits_for_none(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@localhost/order")
    monkeypatch.setenv("PAYMENT_GATEWAY", "in-process")
    monkeypatch.setenv("HTTP_THREADS", str(number))
    settings = read_settings(ApiSettings)
    calls = settings.gateway_calls_at_once + settings.coupon_calls_at_once
    left = settings.threads - calls - WAITING_FOR_GATEWAY - WAITING_FOR_COUPONS
    assert left >= max(1, number // 4)


@pytest.mark.parametrize("minutes", ["1", "1440", "1000000"])
def test_a_coupon_is_held_for_longer_than_an_order_waits(
    monkeypatch: pytest.MonkeyPatch, minutes: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@localhost/order")
    monkeypatch.setenv("PAYMENT_GATEWAY", "in-process")
    monkeypatch.setenv("ORDER_EXPIRY_MINUTES", minutes)
    hold = read_settings(ApiSettings).coupon_hold
    assert timedelta(minutes=int(minutes)) < hold <= timedelta(seconds=LONGEST_HOLD_SECONDS)
