"""The providers are chosen by a variable each, and then need their own."""

from datetime import time

import httpx
import pytest
import structlog

from notification_service.alimtalk.aligo import AligoAlimtalkProvider
from notification_service.alimtalk.nhn import NhnAlimtalkProvider
from notification_service.alimtalk.providers import create_provider
from notification_service.alimtalk.sandbox import SandboxAlimtalkProvider
from notification_service.alimtalk.sens import SensAlimtalkProvider
from notification_service.alimtalk.solapi import SolapiAlimtalkProvider
from notification_service.application.ports import AlimtalkProvider
from notification_service.config import ConsumerSettings
from notification_service.templates_cli import templates_or_exit
from servicekit.config import InvalidSettings, read_settings
from tests.support.notification_builders import a_message
from tests.unit.notification_service.scripted_provider import ScriptedProvider, answered

COMMON = {
    "DATABASE_URL": "postgresql://user@localhost/notification",
    "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
    "MONITORING_WEBHOOK_URL": "http://localhost",
    # What SOLAPI's calls need, too.
    "DELIVERY_LEASE_SECONDS": "60",
}
NEEDED = {
    "sandbox": {"ALIMTALK_URL": "http://localhost"},
    "nhn": {"NHN_APP_KEY": "app-key", "NHN_SECRET_KEY": "s3cret", "NHN_SENDER_KEY": "sender-key"},
    "solapi": {
        "SOLAPI_API_KEY": "api-key",
        "SOLAPI_API_SECRET": "s3cret",
        "SOLAPI_CHANNEL_ID": "pf-id",
        "SOLAPI_SENDER_NUMBER": "0212345678",
        "SOLAPI_TEMPLATE_ID": "template-id",
    },
    "sens": {
        "SENS_ACCESS_KEY": "access-key",
        "SENS_SECRET_KEY": "s3cret",
        "SENS_SERVICE_ID": "ncp:kkobizmsg:kr:123:shop",
        "SENS_CHANNEL_ID": "@shop",
    },
    "aligo": {
        "ALIGO_API_KEY": "s3cret",
        "ALIGO_USER_ID": "user-id",
        "ALIGO_SENDER_KEY": "sender-key",
        "ALIGO_SENDER_NUMBER": "0212345678",
        "ALIGO_TEMPLATE_CODE": "TA_1234",
    },
}
ADAPTERS = {
    "sandbox": SandboxAlimtalkProvider,
    "nhn": NhnAlimtalkProvider,
    "solapi": SolapiAlimtalkProvider,
    "sens": SensAlimtalkProvider,
    "aligo": AligoAlimtalkProvider,
}
each_provider = pytest.mark.parametrize("provider", NEEDED)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {
        "ALIMTALK_PROVIDER",
        "ALIMTALK_SECOND_PROVIDER",
        *(name for names in NEEDED.values() for name in names),
    }:
        monkeypatch.delenv(name, raising=False)
    for name, value in COMMON.items():
        monkeypatch.setenv(name, value)


def choose(monkeypatch: pytest.MonkeyPatch, provider: str, **changes: str) -> None:
    for name, value in {"ALIMTALK_PROVIDER": provider, **NEEDED[provider], **changes}.items():
        monkeypatch.setenv(name, value)


def first_provider(client: httpx.Client) -> AlimtalkProvider:
    settings = read_settings(ConsumerSettings)
    return create_provider(settings, client, settings.alimtalk_provider)


def problems() -> list[tuple[str, str]]:
    with pytest.raises(InvalidSettings) as refused:
        read_settings(ConsumerSettings)
    assert "s3cret" not in str(refused.value)
    return refused.value.problems


@each_provider
def test_each_provider_is_made_of_its_settings(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    choose(monkeypatch, provider)

    assert type(first_provider(httpx.Client())) is ADAPTERS[provider]


def test_the_sandbox_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIMTALK_URL", "http://localhost")

    assert read_settings(ConsumerSettings).alimtalk_provider == "sandbox"


@each_provider
def test_every_missing_variable_of_the_provider_is_named(
    monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    monkeypatch.setenv("ALIMTALK_PROVIDER", provider)

    reason = f"is needed with ALIMTALK_PROVIDER={provider}"
    assert problems() == [(name, reason) for name in NEEDED[provider]]


@each_provider
def test_an_empty_variable_is_a_missing_one(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    name = next(iter(NEEDED[provider]))
    choose(monkeypatch, provider, **{name: ""})

    assert problems() == [(name, f"is needed with ALIMTALK_PROVIDER={provider}")]


def test_variables_of_another_provider_may_stay_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in NEEDED:
        choose(monkeypatch, provider)
    monkeypatch.setenv("ALIMTALK_PROVIDER", "nhn")

    assert read_settings(ConsumerSettings).alimtalk_provider == "nhn"


@pytest.mark.parametrize(
    ("provider", "name", "value"),
    [
        ("nhn", "NHN_SECRET_KEY", "s3cret\n"),
        ("nhn", "NHN_SECRET_KEY", "s3cret s3cret"),
        ("nhn", "NHN_APP_KEY", "앱키"),
        ("nhn", "NHN_URL", "provider"),
        ("nhn", "ALIMTALK_PROVIDER", "pigeon"),
        ("solapi", "SOLAPI_API_SECRET", "s3cret\r\n"),
        ("solapi", "SOLAPI_SENDER_NUMBER", "02-1234-5678"),
        ("sens", "SENS_SERVICE_ID", "ncp shop"),
        ("aligo", "ALIGO_SENDER_NUMBER", "0212345678\n"),
    ],
)
def test_a_malformed_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, provider: str, name: str, value: str
) -> None:
    choose(monkeypatch, provider, **{name: value})

    assert [variable for variable, _ in problems()] == [name]


def test_secrets_are_not_printed_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in NEEDED:
        choose(monkeypatch, provider)

    assert "s3cret" not in repr(read_settings(ConsumerSettings))


def test_a_lease_covers_the_calls_of_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "solapi", DELIVERY_LEASE_SECONDS="49")
    assert "at least 10 x (1 + DELIVERY_TIMEOUT_SECONDS)" in problems()[0][1]

    choose(monkeypatch, "solapi", DELIVERY_LEASE_SECONDS="50")
    assert read_settings(ConsumerSettings).delivery_attempt_seconds == 25.0

    choose(monkeypatch, "nhn", DELIVERY_LEASE_SECONDS="20")
    assert read_settings(ConsumerSettings).delivery_attempt_seconds == 10.0


def test_the_base_url_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "nhn", NHN_URL="http://sandbox/nhn/")
    found = {
        "header": {"resultCode": 0, "isSuccessful": True},
        "messageSearchResultResponse": {"messages": []},
    }
    provider = ScriptedProvider(answered(found))

    first_provider(provider.client).find(a_message())

    assert provider.requests[0].url.path == "/nhn/alimtalk/v2.3/appkeys/app-key/messages"


@each_provider
def test_a_provider_without_look_ups_is_warned_of(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    choose(monkeypatch, provider)

    with structlog.testing.capture_logs() as logs:
        first_provider(httpx.Client())

    warned = [line["provider"] for line in logs if line["event"] == "alimtalk_provider_cannot_look_up"]
    assert warned == (["aligo"] if provider == "aligo" else [])


@pytest.mark.parametrize(
    ("variable", "provider"), [("SOLAPI_TEMPLATE_ID", "solapi"), ("ALIGO_TEMPLATE_CODE", "aligo")]
)
@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("KA01", {"ORDER_COMPLETED": "KA01"}),
        ("ORDER_COMPLETED=KA01", {"ORDER_COMPLETED": "KA01"}),
        ("ORDER_COMPLETED=KA01,A=B", {"ORDER_COMPLETED": "KA01", "A": "B"}),
    ],
)
def test_a_provider_has_ids_of_its_own_for_templates(
    monkeypatch: pytest.MonkeyPatch, variable: str, provider: str, value: str, ids: dict[str, str]
) -> None:
    choose(monkeypatch, provider, **{variable: value})

    assert read_settings(ConsumerSettings).alimtalk_first.template_ids == (variable, ids)


@pytest.mark.parametrize("value", ["A=B,", "A=", "=B", "A=B=C", "A,B", "A B", "A=B, C=D"])
def test_ids_that_can_not_be_read_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    choose(monkeypatch, "solapi", SOLAPI_TEMPLATE_ID=value)

    assert problems() == [("SOLAPI_TEMPLATE_ID", "must be an id, or CODE=ID,CODE=ID")]


def test_two_ids_of_one_template_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "solapi", SOLAPI_TEMPLATE_ID="A=1,B=2,A=3")

    assert problems() == [("SOLAPI_TEMPLATE_ID", "has two ids of A")]


def test_the_language_is_korean_unless_english_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "nhn")
    assert read_settings(ConsumerSettings).alimtalk_locale == "ko"
    monkeypatch.setenv("ALIMTALK_LOCALE", "en")
    assert read_settings(ConsumerSettings).alimtalk_locale == "en"
    monkeypatch.setenv("ALIMTALK_LOCALE", "fr")
    assert problems() == [("ALIMTALK_LOCALE", "Input should be 'ko' or 'en'")]


def test_a_language_without_an_id_ends_the_start_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choose(monkeypatch, "solapi", ALIMTALK_LOCALE="en")

    with pytest.raises(SystemExit) as ended:
        templates_or_exit(read_settings(ConsumerSettings))

    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "Error: SOLAPI_TEMPLATE_ID has no id of ORDER_COMPLETED_EN; several are written CODE=ID,CODE=ID\n"
    )


def test_cancellations_need_no_template_id_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(monkeypatch, "solapi")
    settings = read_settings(ConsumerSettings)

    assert templates_or_exit(settings).by_code("ORDER_CANCELLED").message == "order_cancelled"
    ids = settings.alimtalk_first.template_ids
    assert ids is not None
    assert "ORDER_CANCELLED" not in ids[1]


def test_quiet_hours_are_off_unless_set_and_by_the_shops_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "nhn")
    assert read_settings(ConsumerSettings).quiet_hours is None
    monkeypatch.setenv("ALIMTALK_QUIET_HOURS", "21:00-08:00")
    quiet = read_settings(ConsumerSettings).quiet_hours
    assert quiet is not None
    assert (quiet.start, quiet.end, quiet.zone.key) == (time(21), time(8), "Asia/Seoul")
    monkeypatch.setenv("SHOP_TIME_ZONE", "Asia/Seoull")
    monkeypatch.setenv("ALIMTALK_QUIET_HOURS", "21-8")
    assert problems() == [
        ("SHOP_TIME_ZONE", "must be a time zone such as Asia/Seoul"),
        ("ALIMTALK_QUIET_HOURS", "must be two times of the day, as in 21:00-08:00"),
    ]


def test_sms_is_off_unless_solapi_has_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(monkeypatch, "solapi")
    assert not read_settings(ConsumerSettings).alimtalk_first.has_sms
    monkeypatch.setenv("SOLAPI_SMS_TO", "safe-numbers")
    assert read_settings(ConsumerSettings).alimtalk_first.has_sms
    choose(monkeypatch, "nhn")
    assert not read_settings(ConsumerSettings).alimtalk_first.has_sms


def test_a_second_provider_has_settings_and_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(
        monkeypatch, "solapi", **NEEDED["nhn"], ALIMTALK_SECOND_PROVIDER="nhn", SOLAPI_SMS_TO="safe-numbers"
    )

    first, second = read_settings(ConsumerSettings).alimtalk_chosen
    assert (first.name, first.messages_per_second, first.has_sms) == ("solapi", 100.0, True)
    assert (second.name, second.messages_per_second, second.has_sms) == ("nhn", 300.0, False)
    monkeypatch.setenv("ALIMTALK_SECOND_MESSAGES_PER_SECOND", "20")
    assert [each.messages_per_second for each in read_settings(ConsumerSettings).alimtalk_chosen] == [
        100.0,
        20.0,
    ]


def test_a_second_provider_needs_its_variables_and_time_for_its_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose(monkeypatch, "nhn", ALIMTALK_SECOND_PROVIDER="solapi")
    assert problems() == [
        (name, "is needed with ALIMTALK_SECOND_PROVIDER=solapi") for name in NEEDED["solapi"]
    ]

    choose(monkeypatch, "nhn", **NEEDED["solapi"], DELIVERY_LEASE_SECONDS="49")
    assert "at least 10 x (1 + DELIVERY_TIMEOUT_SECONDS) with nhn and solapi" in problems()[0][1]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("nhn", "nhn", "must be another one than ALIMTALK_PROVIDER"),
        ("nhn", "aligo", "Input should be"),
        ("aligo", "nhn", "which can't be asked what it has sent"),
    ],
)
def test_two_providers_differ_and_can_be_asked_what_they_have(
    monkeypatch: pytest.MonkeyPatch, first: str, second: str, reason: str
) -> None:
    choose(monkeypatch, "nhn")
    choose(monkeypatch, first, ALIMTALK_SECOND_PROVIDER=second)

    assert reason in problems()[0][1]


def test_ids_of_the_second_providers_templates_are_needed_to_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choose(monkeypatch, "nhn", **NEEDED["solapi"], ALIMTALK_SECOND_PROVIDER="solapi", ALIMTALK_LOCALE="en")

    with pytest.raises(SystemExit):
        templates_or_exit(read_settings(ConsumerSettings))

    assert "SOLAPI_TEMPLATE_ID has no id of ORDER_COMPLETED_EN" in capsys.readouterr().err


SECOND_NHN = {**NEEDED["nhn"], "ALIMTALK_SECOND_PROVIDER": "nhn"}


def processing(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[float]:
    choose(monkeypatch, "solapi", **SECOND_NHN, **variables)
    return [chosen.processing_seconds for chosen in read_settings(ConsumerSettings).alimtalk_chosen]


def test_each_provider_has_a_processing_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processing(monkeypatch) == [60.0, 60.0]
    assert processing(monkeypatch, ALIMTALK_PROCESSING_SECONDS="90") == [90.0, 90.0]
    assert processing(monkeypatch, ALIMTALK_SECOND_PROCESSING_SECONDS="120") == [90.0, 120.0]


@pytest.mark.parametrize("variable", ["ALIMTALK_PROCESSING_SECONDS", "ALIMTALK_SECOND_PROCESSING_SECONDS"])
def test_a_real_provider_gets_a_minute_to_show_a_message(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, "solapi", **SECOND_NHN, **{variable: "59.9"})
    ((_, reason),) = problems()
    assert f"{variable} must be at least 60" in reason

    stand_ins = {"SOLAPI_URL": "http://localhost", "NHN_URL": "http://localhost"}
    assert 0.5 in processing(monkeypatch, **{variable: "0.5"}, **stand_ins)
