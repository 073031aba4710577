"""Rules of alerts are data: sound ones are read, and each fault is found before anything starts."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from notification_service.alert_rules import read_rules
from notification_service.alerts_cli import rules_or_exit
from notification_service.cli import main
from notification_service.config import ConsumerSettings
from notification_service.domain.alert_rule import OrderRule, RateRule, Severity, usual_band
from notification_service.toml_files import InvalidToml
from servicekit.config import InvalidSettings, read_settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"


def test_the_shipped_rules_are_sound() -> None:
    rules = {rule.name: rule for rule in read_rules()}

    large, first, rate = rules["large_order"], rules["large_first_order"], rules["unusual_rate"]
    assert isinstance(large, OrderRule)
    assert large.limits == {"KRW": 10_000_000, "USD": 1_000_000}
    assert (large.severity, large.timing.quiet) == (Severity.WARNING, timedelta(hours=1))
    assert isinstance(first, OrderRule)
    assert first.first_order
    assert isinstance(rate, RateRule)


AMOUNT = '[large]\nwhen = "amount_above"\n'
RATE = '[rate]\nwhen = "orders_outside_band"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it has no rule"),
        ("[large", "it is not TOML"),
        ("[large]\nlimits = {KRW = 1}", "large: Unable to extract tag"),
        ('[large]\nwhen = "amount_over"', "large: Input tag"),
        (AMOUNT, "large.amount_above.limits: Field required"),
        (AMOUNT + "limits = {}", "large.amount_above.limits: Dictionary should have at least 1 item"),
        (AMOUNT + "limits = {KRM = 1}", "large.amount_above.limits.KRM.[key]: Value error, must be"),
        (AMOUNT + "limits = {KRW = -1}", "large.amount_above.limits.KRW: Input should be greater"),
        (AMOUNT + "limits = {KRW = 1.5}", "large.amount_above.limits.KRW: Input should be a valid integer"),
        (AMOUNT + "limits = {KRW = 1}\nlimit = 2", "large.amount_above.limit: Extra inputs"),
        (AMOUNT + "limits = {KRW = 1}\nquiet_minutes = 0", "large.amount_above.quiet_minutes: Input"),
        (AMOUNT + 'limits = {KRW = 1}\nseverity = "bad"', "large.amount_above.severity: Input should be"),
        (AMOUNT.replace("large", "Large order") .replace("[", '["').replace("]", '"]') + "limits = {KRW = 1}",
         "Large order.[key]: Value error, a rule is called by"),
        (RATE + "tolerance = 0.0", "rate.orders_outside_band.tolerance: Input should be greater than 0"),
        (RATE + "days = 1", "rate.orders_outside_band.days: Input should be greater"),
    ],
)  # fmt: skip
def test_each_fault_of_a_rule_is_found(text: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(text)

    with pytest.raises(InvalidToml) as invalid:
        read_rules(file)

    assert any(found.startswith(fault) for found in invalid.value.faults), invalid.value.faults
    checked = CliRunner().invoke(main, ["alerts", "check", str(file)])
    assert (checked.exit_code, f"rules.toml: {fault}" in checked.output) == (1, True)


def test_the_command_finds_no_fault_in_the_shipped_rules() -> None:
    checked = CliRunner().invoke(main, ["alerts", "check"])

    assert (checked.exit_code, checked.output) == (0, "no fault in 3 rules\n")


@pytest.fixture
def consumer_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "DATABASE_URL": "postgresql://db/notification",
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
        "ALIMTALK_URL": "http://sandbox",
        "MONITORING_WEBHOOK_URL": "http://sandbox/hook",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_without_a_receiver_there_are_no_rules(consumer_environment: pytest.MonkeyPatch) -> None:
    assert rules_or_exit(read_settings(ConsumerSettings)) == ()


def test_faulty_rules_end_the_start_with_a_line(
    consumer_environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(AMOUNT)
    for name, value in {
        "ALERT_RECEIVER": "slack", "ALERT_URL": "https://hooks.slack.com/x", "ALERT_RULES_FILE": str(file),
    }.items():  # fmt: skip
        consumer_environment.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        rules_or_exit(read_settings(ConsumerSettings))

    assert ended.value.code == 2
    assert capsys.readouterr().err == f"Error: {file}: large.amount_above.limits: Field required\n"


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"ALERT_RECEIVER": "slack"}, "ALERT_URL: is needed with ALERT_RECEIVER=slack"),
        ({"ALERT_RECEIVER": "webhook", "ALERT_URL": "https://x"}, "ALERT_SECRET: is needed with"),
        ({"ALERT_RECEIVER": "email"}, "ALERT_RECEIVER: Input should be 'slack', 'webhook' or 'alertmanager'"),
        ({"ALERT_SECRET": "secret"}, "ALERT_SECRET: must be whsec_"),
        ({"ALERT_SECRET": "whsec_c2hvcnQ="}, "ALERT_SECRET: must be whsec_"),
        ({"ALERT_SECRET": SECRET[6:]}, None),
        ({"ALERT_SECRET": SECRET}, None),
    ],
)
def test_a_receiver_needs_its_variables(
    consumer_environment: pytest.MonkeyPatch, variables: dict[str, str], problem: str | None
) -> None:
    for name, value in variables.items():
        consumer_environment.setenv(name, value)
    if problem is None:
        read_settings(ConsumerSettings)
        return
    with pytest.raises(InvalidSettings) as invalid:
        read_settings(ConsumerSettings)
    assert problem in str(invalid.value)


@pytest.mark.parametrize(
    ("history", "inside", "outside"),
    [
        ([0] * 28, [0, 4], [5]),
        ([100] * 28, [60, 140], [59, 141]),
        # One outage and one sale in the history change little.
        ([100] * 26 + [0, 5_000], [60, 140], [59, 141]),
        ([80, 90, 100, 110, 120] * 5, [41, 159], [40, 160]),
    ],
)
def test_the_usual_band_is_around_the_median(
    history: list[int], inside: list[int], outside: list[int]
) -> None:
    band = usual_band(history, tolerance=4.0)

    assert [orders in band for orders in inside] == [True] * len(inside)
    assert [orders in band for orders in outside] == [False] * len(outside)
