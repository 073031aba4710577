"""Templates are checked as they are read: each fault is found, and sound ones have none."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from notification_service.cli import main
from notification_service.domain.alimtalk_template import Locale
from notification_service.domain.errors import UnknownTemplate
from notification_service.template_files import InvalidTemplates, read_catalog
from tests.unit.notification_service.planted_templates import (
    BUTTON,
    KOREAN,
    PLANTED,
    Planted,
    appended,
    replaced,
    sound_folder,
)

each_fault = pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
ALL_BUTTONS = """
[[buttons]]
kind = "AC"
name = "채널 추가"

[[buttons]]
kind = "AL"
name = "앱에서 보기"
ios_link = "shop-app://orders/#{orderId}"
android_link = "shop-app://orders/#{orderId}"

[[buttons]]
kind = "DS"
name = "배송 조회"
"""


@each_fault
def test_each_planted_fault_is_found(planted: Planted, tmp_path: Path) -> None:
    folder = sound_folder(tmp_path / "templates")
    planted.plant(folder)

    with pytest.raises(InvalidTemplates) as invalid:
        read_catalog(folder)

    assert any(planted.report in fault for fault in invalid.value.faults), invalid.value.faults
    assert not any("\n" in fault for fault in invalid.value.faults)


def test_at_least_30_faults_are_planted() -> None:
    assert len({planted.name for planted in PLANTED}) == len(PLANTED) >= 30


def test_the_shipped_templates_are_sound_in_both_languages() -> None:
    catalog = read_catalog()

    codes = [template.code for locale in Locale for template in catalog.in_use(locale)]
    korean = ["ORDER_CANCELLED", "ORDER_COMPLETED", "ORDER_PART_CANCEL"]
    assert codes == [*korean, *(f"{code}_EN" for code in korean)]


def test_every_kind_of_button_may_be_used(tmp_path: Path) -> None:
    folder = sound_folder(tmp_path / "templates")
    appended("buttons", ALL_BUTTONS + BUTTON, "").plant(folder)

    template = read_catalog(folder).newest("order_completed", Locale.KOREAN)

    assert [button.kind for button in template.buttons] == ["AC", "AL", "DS", "WL"]
    filled = template.filled_buttons({"orderId": "o-1"})
    assert filled[1].links == {"ios_link": "shop-app://orders/o-1", "android_link": "shop-app://orders/o-1"}
    assert filled[3].mobile_link == "https://shop.example/o-1"


@pytest.mark.parametrize(
    "character", ["\u3000", "\u00a0", "\U0001f468\u200d\U0001f469", "\u2764\ufe0f", "\U0001fae9"]
)
def test_blanks_and_emoji_are_no_fault(character: str, tmp_path: Path) -> None:
    folder = sound_folder(tmp_path / "templates")
    replaced("a character", "- 주문번호:", f"-{character}주문번호:", "").plant(folder)

    assert character in read_catalog(folder).newest("order_completed", Locale.KOREAN).content


@pytest.mark.parametrize(
    "button",
    [
        'kind = "WL"\nname = "보기"\nmobile_link = "https://#{orderId}"',
        'kind = "AL"\nname = "보기"\nmobile_link = "https://#{orderId}"\nios_link = "shop-app://orders"',
        'kind = "AL"\nname = "보기"\nmobile_link = "https://shop.example"\nandroid_link = "shop-app://orders"',
    ],
)
def test_links_may_vary_and_an_app_may_have_one_system(button: str, tmp_path: Path) -> None:
    folder = sound_folder(tmp_path / "templates")
    appended("a button", f"\n[[buttons]]\n{button}\n", "").plant(folder)

    assert read_catalog(folder).newest("order_completed", Locale.KOREAN).buttons


def test_the_newest_version_is_used_and_the_older_ones_stay(tmp_path: Path) -> None:
    folder = sound_folder(tmp_path / "templates")
    newer = (folder / KOREAN).read_text().replace('"ORDER_COMPLETED"', '"ORDER_COMPLETED_2"')
    (folder / "order_completed.ko.v2.toml").write_text(newer)

    catalog = read_catalog(folder)

    assert catalog.newest("order_completed", Locale.KOREAN).code == "ORDER_COMPLETED_2"
    assert catalog.by_code("ORDER_COMPLETED").version == 1
    with pytest.raises(UnknownTemplate):
        catalog.by_code("ORDER_COMPLETED_3")


def test_the_command_prints_a_line_for_each_fault(tmp_path: Path) -> None:
    folder = sound_folder(tmp_path / "templates")
    appended("six buttons", BUTTON * 6, "").plant(folder)
    (folder / "order_completed.fr.v1.toml").touch()

    checked = CliRunner().invoke(main, ["templates", "check", str(folder)])

    assert checked.exit_code == 1
    assert checked.output.splitlines() == [
        "order_completed.fr.v1.toml: a file is called MESSAGE.LANGUAGE.vN.toml, in ko or en",
        f"{KOREAN}: it has 6 buttons, and may have 5",
    ]


def test_the_command_says_that_there_is_no_fault() -> None:
    checked = CliRunner().invoke(main, ["templates", "check"])

    assert (checked.exit_code, checked.output) == (0, "no fault; approvals are asked for with --provider\n")


def test_a_folder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    checked = CliRunner().invoke(main, ["templates", "check", str(tmp_path / "nowhere")])

    assert checked.exit_code == 2
    assert checked.output.count("\n") == 1
