"""Templates: filled, and recognized in a finished text."""

import pytest

from notification_service.domain.alimtalk_template import Locale
from notification_service.template_files import read_catalog
from provider_sandbox.providers.templates import FIXED_TEMPLATES, Template


def a_template(content: str) -> Template:
    return Template("T", content, "APPROVED")


def test_the_fixed_templates_are_the_texts_that_the_service_sends() -> None:
    own = {template.code: template.content for template in read_catalog().in_use(Locale.KOREAN)}
    fixed = {template.code: template.content for template in FIXED_TEMPLATES}

    assert own.items() <= fixed.items()
    assert set(fixed.values()) == set(own.values())


@pytest.mark.parametrize(
    ("content", "text", "variables"),
    [
        ("#{a}님 #{b}개", "하늘님 3개", {"a": "하늘", "b": "3"}),
        ("#{a}님 #{b}개", "하늘님 3개.", None),
        ("#{a}님 #{b}개", "하늘 3개", None),
        ("#{a} #{a}", "x x", {"a": "x"}),
        ("#{a} #{a}", "x y", None),
        ("(1+1) #{a}", "(1+1) x", {"a": "x"}),
        ("#{a}", "한 줄\n두 줄", {"a": "한 줄\n두 줄"}),
        ("#{a}", "#{a}", {"a": "#{a}"}),
        ("없음", "없음", {}),
    ],
)
def test_a_text_is_that_of_a_template_or_not(
    content: str, text: str, variables: dict[str, str] | None
) -> None:
    assert a_template(content).variables_of(text) == variables


def test_a_value_that_looks_like_a_variable_stays_as_it_is() -> None:
    assert a_template("#{a} #{b}").fill({"a": "#{b}", "b": "2"}) == "#{b} 2"


def test_a_variable_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        a_template("#{a}").fill({})
