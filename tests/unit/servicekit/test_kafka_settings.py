"""Kafka's security settings: what contradicts itself is refused by name, and no password is shown."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from servicekit.config import InvalidSettings, KafkaSettings, ProcessSettings, read_settings
from servicekit.kafka.cluster import KafkaCluster
from tests.support.certificates import CertificateAuthority, IssuedCertificate

PASSWORD = "hunter2-of-kafka"
SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "relay",
    "KAFKA_SASL_PASSWORD": PASSWORD,
}


class Settings(KafkaSettings, ProcessSettings):
    pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def client(authority: CertificateAuthority) -> IssuedCertificate:
    return authority.issue("client.example")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "one:9092, two:9092")


def read(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, object]) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    return read_settings(Settings)


def options_of(settings: Settings) -> dict[str, object]:
    """What kafka-python is configured with."""
    options = KafkaCluster.of(settings).client_options
    del options["kafka_client"]
    return options


def problems(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, object]) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as refused:
        read(monkeypatch, variables)
    assert PASSWORD not in str(refused.value)
    return dict(refused.value.problems)


def test_a_cluster_is_neither_encrypted_nor_authenticated_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options_of(read(monkeypatch, {})) == {
        "bootstrap_servers": ["one:9092", "two:9092"],
        "security_protocol": "PLAINTEXT",
    }


def test_empty_variables_are_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name.upper() for name in KafkaSettings.model_fields if name != "kafka_bootstrap_servers"]
    settings = read(monkeypatch, dict.fromkeys(names, ""))
    assert settings.kafka_security_protocol == "PLAINTEXT"
    assert settings.kafka_sasl_password is None


def test_every_setting_becomes_an_option_of_kafka_python(
    monkeypatch: pytest.MonkeyPatch, authority: CertificateAuthority, client: IssuedCertificate
) -> None:
    settings = read(
        monkeypatch,
        {
            **SASL,
            "KAFKA_SSL_CA_FILE": authority.file,
            "KAFKA_SSL_CERTIFICATE_FILE": client.certificate_file,
            "KAFKA_SSL_KEY_FILE": client.key_file,
        },
    )
    assert options_of(settings) == {
        "bootstrap_servers": ["one:9092", "two:9092"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "relay",
        "sasl_plain_password": PASSWORD,
        "ssl_cafile": str(authority.file),
        "ssl_certfile": str(client.certificate_file),
        "ssl_keyfile": str(client.key_file),
    }


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, SASL)
    assert PASSWORD not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert PASSWORD not in f"{KafkaCluster.of(settings)!r} {KafkaCluster.of(settings)}"


@pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
@pytest.mark.parametrize("missing", ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"])
def test_authentication_lacks_something(monkeypatch: pytest.MonkeyPatch, protocol: str, missing: str) -> None:
    reported = problems(monkeypatch, {**SASL, "KAFKA_SECURITY_PROTOCOL": protocol, missing: ""})
    assert reported == {missing: f"is needed with KAFKA_SECURITY_PROTOCOL={protocol}"}


@pytest.mark.parametrize("protocol", ["", "PLAINTEXT", "SSL"])
def test_credentials_that_would_not_be_sent_are_refused(
    monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    reported = problems(monkeypatch, {**SASL, "KAFKA_SECURITY_PROTOCOL": protocol})
    reason = f"isn't used with KAFKA_SECURITY_PROTOCOL={protocol or 'PLAINTEXT'}"
    assert reported == dict.fromkeys(
        ["KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"], reason
    )


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_certificates_that_would_not_be_used_are_refused(
    monkeypatch: pytest.MonkeyPatch, protocol: str, authority: CertificateAuthority
) -> None:
    sasl = SASL if protocol.startswith("SASL") else {}
    reported = problems(
        monkeypatch, {**sasl, "KAFKA_SECURITY_PROTOCOL": protocol, "KAFKA_SSL_CA_FILE": authority.file}
    )
    assert reported == {"KAFKA_SSL_CA_FILE": f"isn't used with KAFKA_SECURITY_PROTOCOL={protocol}"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_SASL_MECHANISM", "GSSAPI"),
        ("KAFKA_SASL_USERNAME", "a,b=c"),
    ],
)
def test_malformed_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    assert variable in problems(monkeypatch, {**SASL, variable: value})


def test_plain_takes_any_user_name(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, {**SASL, "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "a,b=c"})
    assert settings.kafka_sasl_username == "a,b=c"


def test_files_that_are_not_what_they_should_be(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    authority: CertificateAuthority,
    client: IssuedCertificate,
) -> None:
    ssl = {"KAFKA_SECURITY_PROTOCOL": "SSL"}
    words = tmp_path / "words.pem"
    words.write_text("no certificate")
    reported = problems(monkeypatch, {**ssl, "KAFKA_SSL_CA_FILE": tmp_path / "none.pem"})
    assert reported == {"KAFKA_SSL_CA_FILE": "can't be read: No such file or directory"}
    reported = problems(monkeypatch, {**ssl, "KAFKA_SSL_CA_FILE": tmp_path})
    assert reported == {"KAFKA_SSL_CA_FILE": "can't be read: Is a directory"}
    reported = problems(monkeypatch, {**ssl, "KAFKA_SSL_CA_FILE": words})
    assert reported == {"KAFKA_SSL_CA_FILE": "holds no certificate in PEM"}


def test_a_key_must_be_of_its_certificate(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    authority: CertificateAuthority,
    client: IssuedCertificate,
) -> None:
    locked = tmp_path / "locked.key"
    key = load_pem_private_key(client.key_file.read_bytes(), password=None)
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"phrase"))
    )
    ssl = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_KEY_FILE": client.key_file}
    reported = problems(monkeypatch, ssl)
    assert reported == {"KAFKA_SSL_KEY_FILE": "is used with KAFKA_SSL_CERTIFICATE_FILE only"}
    ssl["KAFKA_SSL_CERTIFICATE_FILE"] = client.certificate_file
    for wrong in (authority.issue("other.example").key_file, locked, client.certificate_file, ""):
        reported = problems(monkeypatch, {**ssl, "KAFKA_SSL_KEY_FILE": wrong})
        assert reported.keys() == {"KAFKA_SSL_KEY_FILE"}
        assert "must hold the key of KAFKA_SSL_CERTIFICATE_FILE" in reported["KAFKA_SSL_KEY_FILE"]
    assert read(monkeypatch, {**ssl, "KAFKA_SSL_KEY_FILE": client.key_file})


def test_one_file_may_hold_certificate_and_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: IssuedCertificate
) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(client.key_file.read_bytes() + client.certificate_file.read_bytes())
    assert read(monkeypatch, {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTIFICATE_FILE": both})
