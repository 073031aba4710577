"""Which gateways the environment configures, and what is refused before the first payment."""

from collections.abc import Mapping

import pytest

from order_service.config import ApiSettings, OperatingSettings
from order_service.gateways.configured import configured_gateways
from order_service.gateways.webhooks import webhook_parsers
from order_service.payment_settings import PaymentSettings
from order_service.webhook_settings import WebhookSettings
from servicekit.config import InvalidSettings, read_settings

VARIABLES = [name.upper() for name in (*PaymentSettings.model_fields, *WebhookSettings.model_fields)]
KEY = "test_sk_0123456789"
SECRET = "portone-0123456789"
PORTONE = {"PORTONE_API_SECRET": SECRET, "PORTONE_STORE_ID": "store-1"}
SIGNING = f"whsec_{'a' * 32}"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, gateway: str, **variables: str) -> ApiSettings:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user@localhost/order")
    monkeypatch.setenv("PAYMENT_GATEWAY", gateway)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings(ApiSettings)


@pytest.mark.parametrize(
    ("gateway", "variables", "configured"),
    [
        ("in-process", {}, ["in-process"]),
        ("toss", {"TOSS_SECRET_KEY": KEY}, ["in-process", "toss"]),
        ("portone", PORTONE, ["in-process", "portone"]),
        # Earlier payments are still asked for there.
        ("in-process", {"TOSS_SECRET_KEY": KEY}, ["in-process", "toss"]),
        ("toss", {"TOSS_SECRET_KEY": KEY, **PORTONE}, ["in-process", "toss", "portone"]),
        (
            "portone",
            {"TOSS_SECRET_KEY": KEY, **PORTONE},
            ["in-process", "toss", "portone"],
        ),
    ],
)
def test_a_gateway_is_there_if_it_is_configured(
    monkeypatch: pytest.MonkeyPatch, gateway: str, variables: Mapping[str, str], configured: list[str]
) -> None:
    settings = read(monkeypatch, gateway, **variables)

    assert [each.name for each in settings.gateways] == configured
    assert configured_gateways(settings, connections=1).name == gateway


def test_the_defaults_suit_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, "toss", TOSS_SECRET_KEY=KEY)

    assert settings.toss_url == "https://api.tosspayments.com"
    # The rest of the time in progress is the gateway's.
    assert settings.payment_begins_within_seconds == 5
    # All calls of a payment together: 5 + 48 + 2 * 3 s at most.
    assert settings.accounts_close_within.total_seconds() == 48
    assert KEY not in repr(settings)


def test_an_operators_shell_closes_no_account_that_may_be_sold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read(monkeypatch, "toss", TOSS_SECRET_KEY=KEY).sells_virtual_accounts is False
    assert read_settings(OperatingSettings).sells_virtual_accounts is True
    monkeypatch.setenv("SELLS_VIRTUAL_ACCOUNTS", "false")
    assert read_settings(OperatingSettings).sells_virtual_accounts is False


def test_portones_defaults_suit_each_other_and_take_no_test_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, "portone", **PORTONE)

    assert settings.portone_url == "https://api.portone.io"
    assert settings.portone_test is False
    assert settings.payment_begins_within_seconds == 5
    assert SECRET not in repr(settings)


def test_a_sandbox_may_be_plain_where_payments_are_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"PORTONE_URL": "http://sandbox:8010/gateways/portone", "PORTONE_TEST": "true"}

    assert read(monkeypatch, "portone", **PORTONE, **plain).portone_test


@pytest.mark.parametrize(
    ("gateway", "variables", "problem"),
    [
        ("toss", {}, "TOSS_SECRET_KEY: is needed with PAYMENT_GATEWAY=toss"),
        ("toss", PORTONE, "TOSS_SECRET_KEY: is needed with PAYMENT_GATEWAY=toss"),
        ("toss", {"TOSS_SECRET_KEY": "test_ck_0123456789"}, "TOSS_SECRET_KEY: must be a secret key"),
        ("toss", {"TOSS_SECRET_KEY": f"{KEY}\n"}, "TOSS_SECRET_KEY: must be printable ASCII"),
        ("toss", {"TOSS_SECRET_KEY": KEY, "TOSS_ACCOUNT": "우리 가게"}, "TOSS_ACCOUNT"),
        ("toss", {"TOSS_SECRET_KEY": KEY, "TOSS_URL": "api.tosspayments.com"}, "TOSS_URL"),
        (
            "toss",
            {"TOSS_SECRET_KEY": "live_gsk_0123456789", "TOSS_URL": "HTTP://toss.example"},
            "TOSS_URL: must begin with https://",
        ),
        ("toss", {"TOSS_SECRET_KEY": KEY, "TOSS_TIMEOUT_SECONDS": "0"}, "TOSS_TIMEOUT_SECONDS"),
        (
            "toss",
            {"TOSS_SECRET_KEY": KEY, "TOSS_TIMEOUT_SECONDS": "51"},
            "PAYMENT_IN_PROGRESS_SECONDS must be at least 10 more than TOSS_TIMEOUT_SECONDS",
        ),
        ("portone", {}, "PORTONE_API_SECRET: is needed with PAYMENT_GATEWAY=portone"),
        (
            "portone",
            {"PORTONE_API_SECRET": SECRET},
            "PORTONE_STORE_ID: is needed with PORTONE_API_SECRET",
        ),
        ("portone", {"PORTONE_API_SECRET": f"{SECRET}\n"}, "PORTONE_API_SECRET: must be printable ASCII"),
        ("portone", {**PORTONE, "PORTONE_STORE_ID": "a&b"}, "PORTONE_STORE_ID"),
        ("portone", {**PORTONE, "PORTONE_TEST": "perhaps"}, "PORTONE_TEST"),
        (
            "portone",
            {**PORTONE, "PORTONE_URL": "Http://portone.example"},
            "PORTONE_URL: must begin with https:// unless PORTONE_TEST=true",
        ),
        (
            # Also where only earlier payments are asked for there.
            "in-process",
            {**PORTONE, "PORTONE_TIMEOUT_SECONDS": "51"},
            "PAYMENT_IN_PROGRESS_SECONDS must be at least 10 more than PORTONE_TIMEOUT_SECONDS",
        ),
        ("stripe", {}, "PAYMENT_GATEWAY"),
    ],
)
def test_what_would_fail_with_the_first_payment_is_refused(
    monkeypatch: pytest.MonkeyPatch, gateway: str, variables: Mapping[str, str], problem: str
) -> None:
    with pytest.raises(InvalidSettings) as refused:
        read(monkeypatch, gateway, **variables)

    assert problem in str(refused.value)
    assert "0123456789" not in str(refused.value)


def account(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    return configured_gateways(read(monkeypatch, "toss", **variables), connections=1).accounts["toss"]


def test_another_secret_key_is_another_account_and_hides_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first = account(monkeypatch, TOSS_SECRET_KEY=KEY)
    again = account(monkeypatch, TOSS_SECRET_KEY=KEY)
    other = account(monkeypatch, TOSS_SECRET_KEY=f"{KEY}1")

    assert first == again != other
    assert len(first) == 16
    assert not any(part in first for part in ("test", "sk", "0123456789"))


def test_a_replaced_key_keeps_the_account_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    former = account(monkeypatch, TOSS_SECRET_KEY=KEY)

    assert account(monkeypatch, TOSS_SECRET_KEY="test_sk_replaced", TOSS_ACCOUNT=former) == former


def test_a_store_of_portones_is_the_account_whatever_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, "portone", **PORTONE)

    assert configured_gateways(settings, connections=1).accounts["portone"] == "store-1"


@pytest.mark.parametrize(
    ("variables", "received"),
    [
        ({}, []),
        ({"TOSS_SECRET_KEY": KEY}, ["toss"]),
        # PortOne's can't be told from forged ones.
        (PORTONE, []),
        ({"PORTONE_WEBHOOK_SECRET": SIGNING}, []),
        ({"TOSS_SECRET_KEY": KEY, **PORTONE, "PORTONE_WEBHOOK_SECRET": SIGNING}, ["toss", "portone"]),
        ({**PORTONE, "PORTONE_WEBHOOK_SECRET": f"{SIGNING},{SIGNING}"}, ["portone"]),
    ],
)
def test_webhooks_of_configured_gateways_are_received(
    monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], received: list[str]
) -> None:
    settings = read(monkeypatch, "in-process", **variables)

    assert list(webhook_parsers(settings.gateways, settings.portone_webhook_secrets)) == received
    assert SIGNING not in repr(settings)


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_",
        "a" * 32,
        f"whsec_{'a' * 20}",
        f"whsec_{'a' * 100}",
        f"{SIGNING},",
        f"{SIGNING};{SIGNING}",
        "whsec_%",
    ],
)
def test_a_secret_that_signs_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    with pytest.raises(InvalidSettings, match="PORTONE_WEBHOOK_SECRET") as error:
        read(monkeypatch, "in-process", PORTONE_WEBHOOK_SECRET=secret)
    assert secret not in str(error.value) or secret == "whsec_"
