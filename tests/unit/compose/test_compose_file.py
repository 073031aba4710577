"""What the compose file gives each process, and how these tests read it."""

import re

import pytest

from devstack.repository import ROOT
from tests.support.compose_file import ComposeFile, filled_in
from tests.support.process_settings import SETTINGS

NOT_IN_COMPOSE = {
    "SOURCES": "its parts are there",
    "OUTBOX_RELAY_ROLE": "deploy/postgres makes the role by this name",
    "KAFKA_CLIENT_ID": "the process's own name",
}


def test_every_setting_comes_through_the_compose_file() -> None:
    compose = ComposeFile()
    for name, settings in SETTINGS.items():
        if name == "provider-sandbox":
            continue
        service = compose.services[name]
        known = {field.upper() for field in settings.model_fields} - set(NOT_IN_COMPOSE)
        assert known - set(service.environment) - set(service.image.environment) == set(), name


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A:-}", ""),
        ("${A:-b} ${C:-d/e:1}", "b d/e:1"),
        ("${A_URL:-postgresql://u:${A:-p}@h:5432/d}", "postgresql://u:p@h:5432/d"),
    ],
)
def test_defaults_are_filled_in_as_compose_does(text: str, filled: str) -> None:
    assert filled_in(text) == filled


@pytest.mark.parametrize("text", ["$A", "${A}", "${A:?why}", "$$"])
def test_what_is_not_understood_of_compose_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        filled_in(text)


def test_the_load_balancer_marks_everything_that_it_forwards() -> None:
    """By that header notification-service refuses operators' routes to what comes from outside."""
    text = (ROOT / "deploy" / "load-balancer" / "haproxy.cfg").read_text()
    defaults = text.partition("\ndefaults\n")[2].partition("\n\n")[0]
    assert re.findall(r"^ +(option forwardfor.*)$", defaults, re.MULTILINE) == ["option forwardfor"]
    assert "no option forwardfor" not in text
    assert not re.search(r"del-header +(X-Forwarded-For|Forwarded|Via)", text, re.IGNORECASE)
