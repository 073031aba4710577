"""Folders of templates with one fault each: what is replaced in the sound ones, and what is reported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

from notification_service.template_files import FOLDER

KOREAN, ENGLISH = "order_completed.ko.v1.toml", "order_completed.en.v1.toml"
BUTTON = '\n[[buttons]]\nkind = "WL"\nname = "주문 보기"\nmobile_link = "https://shop.example/#{orderId}"\n'


@dataclass(frozen=True, slots=True)
class Planted:
    """``plant`` spoils a folder of sound templates; ``report`` is the line about it."""

    name: str
    plant: Callable[[Path], object]
    report: str


def sound_folder(target: Path) -> Path:
    return copytree(FOLDER, target, dirs_exist_ok=True)


def replaced(name: str, former: str, new: str, report: str, file: str = KOREAN) -> Planted:
    def plant(folder: Path) -> None:
        text = (folder / file).read_text()
        assert former in text
        (folder / file).write_text(text.replace(former, new, 1))

    return Planted(name, plant, f"{file}: {report}")


def appended(name: str, text: str, report: str) -> Planted:
    return replaced(name, "totalAmount = 50\n", f"totalAmount = 50\n{text}", report)


def in_button(name: str, former: str, new: str, report: str) -> Planted:
    assert former in BUTTON
    return appended(name, BUTTON.replace(former, new), f"button 1: {report}")


def _remove_all(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def _many_variables() -> Sequence[str]:
    return [f"v{number}" for number in range(37)]


def _second_version(folder: Path, version: int, code: str) -> None:
    text = (folder / KOREAN).read_text().replace('"ORDER_COMPLETED"', f'"{code}"')
    (folder / f"order_completed.ko.v{version}.toml").write_text(text)


PLANTED = [
    Planted(
        "no templates at all",
        _remove_all,
        "there are no templates",
    ),
    Planted(
        "a language is missing",
        lambda folder: (folder / ENGLISH).unlink(),
        "order_completed has no template in en",
    ),
    Planted(
        "an unknown language",
        lambda folder: (folder / ENGLISH).rename(folder / "order_completed.fr.v1.toml"),
        "order_completed.fr.v1.toml: a file is called MESSAGE.LANGUAGE.vN.toml, in ko or en",
    ),
    Planted(
        "a name without a version",
        lambda folder: (folder / KOREAN).rename(folder / "order_completed.ko.toml"),
        "order_completed.ko.toml: a file is called MESSAGE.LANGUAGE.vN.toml, in ko or en",
    ),
    Planted(
        "an unknown message",
        lambda folder: (folder / KOREAN).rename(folder / "order_shipped.ko.v1.toml"),
        "order_shipped.ko.v1.toml: there is no message order_shipped",
    ),
    Planted(
        "a version is missing",
        lambda folder: _second_version(folder, 3, "ORDER_COMPLETED_3"),
        "order_completed lacks version 2 in ko: deliveries may still need it",
    ),
    Planted(
        "a code that another version has",
        lambda folder: _second_version(folder, 2, "ORDER_COMPLETED"),
        "order_completed.ko.v2.toml: code ORDER_COMPLETED is also that of order_completed.ko.v1.toml",
    ),
    Planted(
        "another encoding",
        lambda folder: (folder / KOREAN).write_bytes('code = "주문"'.encode("cp949")),
        f"{KOREAN}: it is not UTF-8",
    ),
    replaced("no TOML", "code =", "code", "it is not TOML: "),
    replaced(
        "an unknown key", "code =", "approved = true\ncode =", "approved: Extra inputs are not permitted"
    ),
    replaced("no code", 'code = "ORDER_COMPLETED"', "", "code: Field required"),
    replaced("a code that is no text", '"ORDER_COMPLETED"', "7", "code: Input should be a valid string"),
    replaced("no content", "content =", "contents =", "content: Field required"),
    replaced("a long code", '"ORDER_COMPLETED"', f'"{"A" * 21}"', "code must have 1 to 20 letters"),
    replaced("a code with a blank", '"ORDER_COMPLETED"', '"ORDER DONE"', "code must have 1 to 20 letters"),
    replaced("an undeclared variable", "name = 100\n", "", "#{name} is used and not declared"),
    replaced("an unused variable", "- 주문수량: #{itemCount}개\n", "", "itemCount is declared and not used"),
    replaced(
        "a misspelled variable", "#{itemCount}", "#{itemcount}", "#{itemcount} is used and not declared"
    ),
    replaced(
        "a variable that the message has no value of",
        "name = 100\n",
        "name = 100\ncouponId = 20\n",
        "couponId is declared and not used",
    ),
    appended(
        "a value that the message lacks, in a button",
        "couponId = 20\n" + BUTTON.replace("orderId", "couponId"),
        "the message has no value of couponId",
    ),
    replaced("a variable without a name", "#{name}", "#{}", "a variable can't be called ''"),
    replaced(
        "a variable with a blank", "#{name}", "#{buyer name}", "a variable can't be called 'buyer name'"
    ),
    replaced("a variable that isn't closed", "#{name}", "#{name", "content: '#{' begins no variable"),
    replaced("a variable in a variable", "#{name}", "#{a#{name}}", "content: '#{' begins no variable"),
    replaced("another language's variable", "#{name}", "#{name}${x}", "content: '${' begins no variable"),
    replaced("a full-width sign", "#{name}", "#{name}\uff03{x}", "content: '\uff03{' begins no variable"),
    replaced("no character", "name = 100", "name = 0", "name must have at least 1 character"),
    replaced("a length that is no number", "name = 100", 'name = "100"', "variables.name: Input should be"),
    replaced(
        "41 variables",
        "#{name}",
        "#{name}" + "".join(f"#{{{name}}}" for name in _many_variables()),
        "it has 41 variables, and may have 40",
    ),
    replaced("a long text", "이용해", "이용해" * 301, "content may get 1173 characters, and may have 1000"),
    replaced("long values", "name = 100", "name = 828", "content may get 1001 characters, and may have 1000"),
    replaced("an empty text", "[주문완료]", "'''\ntitle = '''[주문완료]", "content is empty"),
    replaced("blanks at the end", "감사합니다.", "감사합니다.\n\n", "content begins or ends with blanks"),
    replaced("a tab", "- 주문번호:", "-\t주문번호:", "content has a character that can't be printed"),
    replaced(
        "a title alone", "[variables]", 'title = "주문"\n[variables]', "title and subtitle need each other"
    ),
    replaced(
        "a long title",
        "[variables]",
        'title = "#{name}"\nsubtitle = "주문"\n[variables]',
        "title may get 100 characters, and may have 50",
    ),
    replaced(
        "a line break in the title",
        "[variables]",
        'title = "주문\\n완료"\nsubtitle = "주문"\n[variables]',
        "title has a line break",
    ),
    replaced(
        "a mark of byte order",
        "[주문완료]",
        "[주문\ufeff완료]",
        "content has a character that can't be printed",
    ),
    replaced(
        "a variable in the subtitle",
        "[variables]",
        'title = "주문"\nsubtitle = "#{orderId}"\n[variables]',
        "subtitle must have no variable",
    ),
    appended("six buttons", BUTTON * 6, "it has 6 buttons, and may have 5"),
    appended("an unknown kind", BUTTON.replace("WL", "XX"), "buttons.1.kind: Input should be"),
    in_button("a button without a name", '"주문 보기"', '" "', "its name must have 1 to 14 characters"),
    in_button("a long name", '"주문 보기"', f'"{"보" * 15}"', "its name must have 1 to 14 characters"),
    in_button("a variable in its name", '"주문 보기"', '"#{name}"', "its name must have no variable"),
    in_button("no link", "mobile_link", "desktop_link", "WL needs mobile_link"),
    in_button("no scheme", "https://", "", "mobile_link must begin with its scheme and host"),
    in_button("another scheme", "https://", "javascript:", "mobile_link must begin with its scheme and host"),
    in_button("no host", "shop.example/", "/", "mobile_link must begin with its scheme and host"),
    in_button("a blank in a link", "shop.example", "shop example", "mobile_link must begin with its scheme"),
    in_button(
        "a long link", "example/", f"example/{'x' * 500}", "mobile_link must have at most 500 characters"
    ),
    in_button(
        "an app's button with one link", '"WL"', '"AL"', "AL needs two of android_link, ios_link, mobile"
    ),
    in_button("a line break in its name", "주문 보기", "주문\\n보기", "its name has a line break"),
    in_button("a link that its kind hasn't", '"WL"', '"DS"', "DS has no mobile_link"),
    in_button("a channel's button by another name", '"WL"', '"AC"', "AC must be the first one, and called"),
]
