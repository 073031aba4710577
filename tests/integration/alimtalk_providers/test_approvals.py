"""The templates that we ship, beside those that a provider's double has."""

from collections.abc import Iterator

import httpx
import pytest
from click.testing import CliRunner

from notification_service.alimtalk.providers import create_template_register
from notification_service.application.ports import TemplateRegister
from notification_service.cli import main
from notification_service.config import TemplatesSettings
from notification_service.domain.alimtalk_template import Locale
from notification_service.domain.registered_template import obstacle
from provider_sandbox.providers.nhn import account as nhn_account
from provider_sandbox.providers.solapi import account as solapi_account
from servicekit.config import read_settings
from tests.integration.provider_sandbox.doubles import Doubles
from tests.support.notification_builders import TEMPLATES

SOLAPI_ID = "KA01TP260101000000000ORDERCOMPLETED"
TEMPLATE = TEMPLATES.newest("order_completed", Locale.KOREAN)
ENVIRONMENTS = {
    "nhn": {
        "NHN_APP_KEY": nhn_account.APP_KEY,
        "NHN_SECRET_KEY": nhn_account.SECRET_KEY,
        "NHN_SENDER_KEY": nhn_account.SENDER_KEY,
    },
    "solapi": {
        "SOLAPI_API_KEY": solapi_account.API_KEY,
        "SOLAPI_API_SECRET": solapi_account.API_SECRET,
        "SOLAPI_CHANNEL_ID": solapi_account.PF_ID,
        "SOLAPI_SENDER_NUMBER": solapi_account.SENDER_NUMBER,
        "SOLAPI_TEMPLATE_ID": f"ORDER_COMPLETED={SOLAPI_ID}"
        ",ORDER_CANCELLED=KA01TP260101000000000ORDERCANCELLED"
        ",ORDER_PART_CANCEL=KA01TP260101000000000ORDERPARTCANCEL",
    },
}
CODES = {"nhn": TEMPLATE.code, "solapi": SOLAPI_ID}


@pytest.fixture(params=ENVIRONMENTS)
def provider(
    request: pytest.FixtureRequest, doubles: Doubles, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    name: str = request.param
    url = {f"{name.upper()}_URL": f"{doubles.url}/providers/{name}"}
    for variable, value in {"ALIMTALK_PROVIDER": name, **ENVIRONMENTS[name], **url}.items():
        monkeypatch.setenv(variable, value)
    yield name
    doubles.reset()


@pytest.fixture
def register(provider: str) -> Iterator[TemplateRegister]:
    settings = read_settings(TemplatesSettings)
    with httpx.Client() as client:
        found = create_template_register(settings, client, settings.alimtalk_provider)
        assert found is not None
        yield found


def test_the_shipped_template_is_approved_as_it_is(register: TemplateRegister) -> None:
    assert obstacle(TEMPLATE, register.registered(TEMPLATE.code)) is None


@pytest.mark.parametrize("status", ["REQUESTED", "REVIEWING", "REJECTED"])
def test_a_template_without_approval_is_an_obstacle(
    register: TemplateRegister, provider: str, doubles: Doubles, status: str
) -> None:
    doubles.put_template(CODES[provider], TEMPLATE.content, status)

    assert "not approved" in (obstacle(TEMPLATE, register.registered(TEMPLATE.code)) or "")


def test_a_registered_text_that_differs_is_an_obstacle(
    register: TemplateRegister, provider: str, doubles: Doubles
) -> None:
    doubles.put_template(CODES[provider], TEMPLATE.content.replace("#{itemCount}", "#{items}"))

    assert "content differs" in (obstacle(TEMPLATE, register.registered(TEMPLATE.code)) or "")


def test_the_command_asks_the_provider(provider: str, doubles: Doubles) -> None:
    command = ["templates", "check", "--provider"]
    sound = CliRunner().invoke(main, command)
    doubles.unapprove(CODES[provider])
    faulty = CliRunner().invoke(main, command)
    doubles.control(**{provider: {"failNextLookups": 3}})
    unanswered = CliRunner().invoke(main, command)

    assert (sound.exit_code, sound.output) == (0, "no fault\n")
    name = "ORDER_COMPLETED (order_completed.ko.v1)"
    assert (faulty.exit_code, faulty.output) == (1, f"{name}: it is not approved: REJECTED\n")
    names = [
        "ORDER_CANCELLED (order_cancelled.ko.v1)",
        name,
        "ORDER_PART_CANCEL (order_partly_cancelled.ko.v1)",
    ]
    lines = [f"{each}: not checked: RECEIVER_BUSY\n" for each in names]
    assert (unanswered.exit_code, unanswered.output) == (1, "".join(lines))


def test_a_language_that_is_not_registered_is_a_fault(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIMTALK_LOCALE", "en")

    checked = CliRunner().invoke(main, ["templates", "check", "--provider"])

    assert checked.exit_code == 1
    assert "ORDER_COMPLETED_EN" in checked.output
    assert "the provider has no template of this code" in checked.output
